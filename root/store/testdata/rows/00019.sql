INSERT INTO past_lists (type, version, published, ids) VALUES ('server-list/1', 1800000000, 1800000000, 'cat-1');
