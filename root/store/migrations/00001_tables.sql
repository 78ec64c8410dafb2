-- +goose Up
-- The text runs on SQLite and on PostgreSQL. Times are seconds since 1970.

-- Numbers that a transaction draws or bounds: the row is the lock.
CREATE TABLE counters (
	name  TEXT PRIMARY KEY,
	value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES
	('registration', 0), -- the newest id
	('pending', 0),      -- how many registrations are pending
	('change', 0),       -- the newest change number
	('decision', 0);     -- the newest id

CREATE TABLE registrations (
	id           INTEGER PRIMARY KEY,
	status       TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'revoked')),
	server       TEXT NOT NULL,   -- canonical JSON under a placeholder for the id
	identity     BYTEA NOT NULL,  -- hash of game, addresses and e-mail
	email        TEXT NOT NULL,
	source       TEXT NOT NULL,   -- of the first request
	source_group TEXT NOT NULL,   -- what the limit per source counts: the address, or its /64
	last_source  TEXT NOT NULL,
	created      BIGINT NOT NULL,
	updated      BIGINT NOT NULL,
	requests     BIGINT NOT NULL,
	entry        TEXT NOT NULL DEFAULT '',
	decided      BIGINT NOT NULL DEFAULT 0,
	admin        TEXT NOT NULL DEFAULT '',
	reason       TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX registrations_identity ON registrations (identity) WHERE status = 'pending';
CREATE INDEX registrations_status ON registrations (status, id);
CREATE INDEX registrations_source ON registrations (source_group, created);
CREATE INDEX registrations_entry ON registrations (entry) WHERE entry <> '';

-- The tokens that open a registration's status, numbered by request.
CREATE TABLE status_tokens (
	registration INTEGER NOT NULL REFERENCES registrations (id) ON DELETE CASCADE,
	request      BIGINT NOT NULL,
	hash         BYTEA NOT NULL,
	PRIMARY KEY (registration, request)
);

-- What pending registrations and listed entries claim for themselves, in the
-- form in which it is compared.
CREATE TABLE registration_claims (
	kind         TEXT NOT NULL,
	value        TEXT NOT NULL,
	registration INTEGER NOT NULL REFERENCES registrations (id) ON DELETE CASCADE,
	PRIMARY KEY (kind, value, registration)
);
CREATE INDEX registration_claims_owner ON registration_claims (registration);

CREATE TABLE entries (
	id           TEXT PRIMARY KEY, -- rows are never deleted, so that ids are never reused
	state        TEXT NOT NULL CHECK (state IN ('listed', 'revoked')),
	server       TEXT NOT NULL,    -- canonical JSON
	identity     BYTEA NOT NULL,   -- of the registration
	registration INTEGER NOT NULL,
	created      BIGINT NOT NULL,
	updated      BIGINT NOT NULL,
	change       BIGINT NOT NULL,
	reason       TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX entries_identity ON entries (identity) WHERE state = 'listed';
CREATE INDEX entries_listed ON entries (id) WHERE state = 'listed';

CREATE TABLE entry_claims (
	kind  TEXT NOT NULL,
	value TEXT NOT NULL,
	entry TEXT NOT NULL REFERENCES entries (id),
	PRIMARY KEY (kind, value, entry)
);
CREATE INDEX entry_claims_owner ON entry_claims (entry);

CREATE TABLE mirrors (
	id      TEXT PRIMARY KEY,
	mirror  TEXT NOT NULL, -- canonical JSON
	created BIGINT NOT NULL
);

CREATE TABLE admins (
	name    TEXT PRIMARY KEY,
	hash    BYTEA NOT NULL, -- of the token
	created BIGINT NOT NULL
);

CREATE TABLE editions (
	type      TEXT NOT NULL,
	version   BIGINT NOT NULL,
	epoch     BIGINT NOT NULL,
	issued    BIGINT NOT NULL,
	published BIGINT NOT NULL,
	head      BYTEA NOT NULL,
	document  BYTEA, -- of the newest two only
	PRIMARY KEY (type, version)
);
-- The version of the newest edition of each type: what compare-and-swap compares.
CREATE TABLE newest_editions (
	type    TEXT PRIMARY KEY,
	version BIGINT NOT NULL
);

CREATE TABLE confirmed_removals (
	type   TEXT PRIMARY KEY,
	change BIGINT NOT NULL
);

CREATE TABLE decisions (
	id           INTEGER PRIMARY KEY,
	at           BIGINT NOT NULL,
	admin        TEXT NOT NULL,
	action       TEXT NOT NULL,
	registration TEXT NOT NULL,
	entry        TEXT NOT NULL,
	reason       TEXT NOT NULL,
	change       BIGINT NOT NULL
);
