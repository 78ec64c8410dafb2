UPDATE counters SET value = 2 WHERE name = 'registration';
UPDATE counters SET value = 1 WHERE name IN ('pending', 'change', 'decision');
INSERT INTO registrations (id, status, server, identity, email, source, source_group, last_source, created, updated, requests)
VALUES (1, 'pending', '{"id":"requested","name":"Cat 2","game":"crossfire","addresses":["cat2.example.net:13327"]}', x'01', 'cat@example.net', '192.0.2.1', '192.0.2.1', '192.0.2.1', 1700000000, 1700000100, 3);
INSERT INTO registrations (id, status, server, identity, email, source, source_group, last_source, created, updated, requests, entry, decided, admin)
VALUES (2, 'approved', '{"id":"requested","name":"Cat 1","game":"crossfire","addresses":["cat1.example.net:13327"]}', x'02', 'one@example.net', '192.0.2.2', '192.0.2.2', '192.0.2.2', 1700000000, 1700000000, 1, 'cat-1', 1700000200, 'alice');
INSERT INTO status_tokens (registration, request, hash) VALUES (1, 1, x'00');
INSERT INTO registration_claims (kind, value, registration) VALUES ('name', 'cat 2', 1), ('address', 'cat2.example.net:13327', 1);
INSERT INTO entries (id, state, server, identity, registration, created, updated, change)
VALUES ('cat-1', 'listed', '{"id":"cat-1","name":"Cat 1","game":"crossfire","addresses":["cat1.example.net:13327"]}', x'02', 2, 1700000200, 1700000200, 1);
INSERT INTO entry_claims (kind, value, entry) VALUES ('name', 'cat 1', 'cat-1');
INSERT INTO mirrors (id, mirror, created) VALUES ('a', '{"id":"a","operator":"A","urls":["http://a.example/"]}', 1700000000);
INSERT INTO admins (name, hash, created) VALUES ('alice', x'00', 1700000000);
INSERT INTO editions (type, version, epoch, issued, published, head, document) VALUES ('server-list/1', 1700000300, 1, 1700000300, 1700000300, x'00', x'00');
INSERT INTO newest_editions (type, version) VALUES ('server-list/1', 1700000300);
INSERT INTO confirmed_removals (type, change) VALUES ('server-list/1', 1);
INSERT INTO decisions (id, at, admin, action, registration, entry, reason, change) VALUES (1, 1700000200, 'alice', 'approve', 'r2', 'cat-1', '', 1);
