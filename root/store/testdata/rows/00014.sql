INSERT INTO reports (id, entry, kind, report, source, at) VALUES (1, 'cat-1', 'dead', 'nobody there', '192.0.2.1', 1700000000);
UPDATE counters SET value = 1 WHERE name = 'report';
