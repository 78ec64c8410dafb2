-- +goose Up
-- The audit log, in the form that package audit describes. Rows are appended
-- and nothing else; the next migration links what the table decisions holds.
CREATE TABLE audit (
	number   INTEGER PRIMARY KEY,
	at       BIGINT NOT NULL,
	admin    TEXT NOT NULL,
	action   TEXT NOT NULL,
	outcome  TEXT NOT NULL,
	subject  TEXT NOT NULL,
	entry    TEXT NOT NULL,
	detail   TEXT NOT NULL,
	change   BIGINT NOT NULL,
	count    BIGINT NOT NULL,
	source   TEXT NOT NULL,
	previous BYTEA NOT NULL,
	hash     BYTEA NOT NULL
);
CREATE INDEX audit_subject ON audit (subject) WHERE subject <> '';
CREATE INDEX audit_entry ON audit (entry) WHERE entry <> '';

INSERT INTO counters (name, value) VALUES ('audit', 0); -- the newest number
DELETE FROM counters WHERE name = 'decision';

-- The text of these two is SQLite's own.
-- +goose StatementBegin
CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit
BEGIN
	SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_stays BEFORE DELETE ON audit
BEGIN
	SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd
