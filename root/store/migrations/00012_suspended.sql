-- +goose Up
-- Entries that are out of the list for a while, and what admins note down.

-- A suspended entry stays 'listed', so that its id, its identity and what it
-- claims are kept.
ALTER TABLE entries ADD COLUMN suspended BIGINT NOT NULL DEFAULT 0; -- since when; 0: it is not
ALTER TABLE entries ADD COLUMN resumes BIGINT NOT NULL DEFAULT 0;   -- when it ends by itself; 0: never
ALTER TABLE entries ADD COLUMN suspended_by TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN suspended_why TEXT NOT NULL DEFAULT '';
CREATE INDEX entries_resumes ON entries (resumes) WHERE resumes > 0;

INSERT INTO counters (name, value) VALUES ('note', 0); -- the newest id

CREATE TABLE notes (
	id     INTEGER PRIMARY KEY,
	kind   TEXT NOT NULL CHECK (kind IN ('registration', 'entry')), -- of what it is about
	about  TEXT NOT NULL, -- its id
	at     BIGINT NOT NULL,
	admin  TEXT NOT NULL,
	note   TEXT NOT NULL
);
CREATE INDEX notes_about ON notes (kind, about, id);
