INSERT INTO blocks (id, kind, value, reason, public, admin, created) VALUES (1, 'domain', 'bad.example', 'spam', '', 'alice', 1700000000);
UPDATE counters SET value = 1 WHERE name = 'block';
