-- +goose Up
-- What the root has seen of the servers of entries.
INSERT INTO counters (name, value) VALUES ('entry-look', 0); -- the newest id

CREATE TABLE entry_alive (
	entry   TEXT PRIMARY KEY REFERENCES entries (id),
	state   TEXT NOT NULL,   -- alive, silent or unknown
	since   BIGINT NOT NULL, -- of the state
	checked BIGINT NOT NULL,
	silent  BIGINT NOT NULL  -- seconds that it was seen silent, since it was last seen alive
);
CREATE INDEX entry_alive_checked ON entry_alive (checked);

CREATE TABLE entry_looks (
	id    INTEGER PRIMARY KEY,
	entry TEXT NOT NULL REFERENCES entries (id),
	at    BIGINT NOT NULL,
	state TEXT NOT NULL,
	error TEXT NOT NULL
);
CREATE INDEX entry_looks_entry ON entry_looks (entry, id);
