INSERT INTO notes (id, kind, about, at, admin, note) VALUES (1, 'entry', 'cat-1', 1700000000, 'alice', 'knows the owner');
UPDATE counters SET value = 1 WHERE name = 'note';
