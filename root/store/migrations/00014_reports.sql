-- +goose Up
-- What players report about entries.
INSERT INTO counters (name, value) VALUES ('report', 0); -- the newest id

CREATE TABLE reports (
	id       INTEGER PRIMARY KEY,
	entry    TEXT NOT NULL REFERENCES entries (id),
	kind     TEXT NOT NULL,
	report   TEXT NOT NULL,
	source   TEXT NOT NULL, -- what one subscriber has; empty once it is resolved or has been kept for long enough
	at       BIGINT NOT NULL,
	resolved BIGINT NOT NULL DEFAULT 0, -- 0: it is open
	admin    TEXT NOT NULL DEFAULT '',
	note     TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX reports_open ON reports (entry, source) WHERE resolved = 0 AND source <> '';
CREATE INDEX reports_resolved ON reports (resolved) WHERE resolved > 0;
