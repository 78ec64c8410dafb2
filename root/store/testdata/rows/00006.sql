INSERT INTO mirror_registrations (id, status, mirror, identity, email, source, source_group, source_network, last_source, created, updated, requests)
VALUES (1, 'pending', '{"id":"b","operator":"B","urls":["http://b.example/"]}', x'03', 'b@example.net', '192.0.2.3', '192.0.2.3', '192.0.2.0/24', '192.0.2.3', 1700000000, 1700000000, 1);
UPDATE counters SET value = 1 WHERE name IN ('mirror-registration', 'mirror-pending', 'mirror-check', 'message');
INSERT INTO mirror_status_tokens (registration, request, hash) VALUES (1, 1, x'00');
INSERT INTO mirror_claims (kind, value, registration) VALUES ('id', 'b', 1);
INSERT INTO mirror_checks (id, mirror, at, state, url, version, epoch, issued, took, error) VALUES (1, 'a', 1700000000, 'well', 'http://a.example/', 1700000300, 1, 1700000300, 12, '');
INSERT INTO evidence (hash, at, mirror, url, held, served) VALUES (x'04', 1700000000, 'a', 'http://a.example/server.list', x'00', x'01');
INSERT INTO messages (id, key, recipient, subject, body, created, next) VALUES (1, 'k', 'b@example.net', 's', 'b', 1700000000, 1700000000);
