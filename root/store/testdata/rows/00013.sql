INSERT INTO entry_alive (entry, state, since, checked, silent) VALUES ('cat-1', 'alive', 1700000000, 1700003600, 0);
INSERT INTO entry_looks (id, entry, at, state, error) VALUES (1, 'cat-1', 1700003600, 'alive', '');
UPDATE counters SET value = 1 WHERE name = 'entry-look';
