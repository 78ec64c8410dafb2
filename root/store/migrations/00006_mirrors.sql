-- +goose Up
-- Mirrors ask to be listed, are watched, and people are written to.

INSERT INTO counters (name, value) VALUES
	('mirror-registration', 0), -- the newest id
	('mirror-pending', 0),      -- how many of them are pending
	('mirror-check', 0),        -- the newest id
	('message', 0);             -- the newest id

CREATE TABLE mirror_registrations (
	id             INTEGER PRIMARY KEY,
	status         TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'rejected')),
	mirror         TEXT NOT NULL,   -- canonical JSON, with the id that is wished
	identity       BYTEA NOT NULL,  -- hash of id and e-mail
	email          TEXT NOT NULL,
	source         TEXT NOT NULL,   -- of the first request
	source_group   TEXT NOT NULL,
	source_network TEXT NOT NULL,
	last_source    TEXT NOT NULL,
	created        BIGINT NOT NULL,
	updated        BIGINT NOT NULL,
	requests       BIGINT NOT NULL,
	revision       BIGINT NOT NULL DEFAULT 1,
	entry          TEXT NOT NULL DEFAULT '',
	decided        BIGINT NOT NULL DEFAULT 0,
	admin          TEXT NOT NULL DEFAULT '',
	reason         TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX mirror_registrations_identity ON mirror_registrations (identity) WHERE status = 'pending';
CREATE INDEX mirror_registrations_status ON mirror_registrations (status, id);
CREATE INDEX mirror_registrations_source ON mirror_registrations (source_group, created);
CREATE INDEX mirror_registrations_network ON mirror_registrations (source_network, created);

CREATE TABLE mirror_status_tokens (
	registration INTEGER NOT NULL REFERENCES mirror_registrations (id) ON DELETE CASCADE,
	request      BIGINT NOT NULL,
	hash         BYTEA NOT NULL,
	PRIMARY KEY (registration, request)
);

-- What pending requests claim: ids and URLs, in the form in which they are
-- compared.
CREATE TABLE mirror_claims (
	kind         TEXT NOT NULL,
	value        TEXT NOT NULL,
	registration INTEGER NOT NULL REFERENCES mirror_registrations (id) ON DELETE CASCADE,
	PRIMARY KEY (kind, value, registration)
);
CREATE INDEX mirror_claims_owner ON mirror_claims (registration);

-- Whom to write to, and what the watcher says.
ALTER TABLE mirrors ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE mirrors ADD COLUMN identity BYTEA NOT NULL DEFAULT ''; -- of the registration; empty: of none
ALTER TABLE mirrors ADD COLUMN registration INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mirrors ADD COLUMN change BIGINT NOT NULL DEFAULT 0;   -- the change that made it what it is
ALTER TABLE mirrors ADD COLUMN left_out BIGINT NOT NULL DEFAULT 0; -- since when the list lacks it; 0: it does not
ALTER TABLE mirrors ADD COLUMN state TEXT NOT NULL DEFAULT 'new';
ALTER TABLE mirrors ADD COLUMN since BIGINT NOT NULL DEFAULT 0;    -- of the state
ALTER TABLE mirrors ADD COLUMN checked BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mirrors ADD COLUMN ill_for BIGINT NOT NULL DEFAULT 0;  -- seconds seen
ALTER TABLE mirrors ADD COLUMN well_for BIGINT NOT NULL DEFAULT 0; -- seconds seen
ALTER TABLE mirrors ADD COLUMN drops BIGINT NOT NULL DEFAULT 0;

CREATE TABLE mirror_checks (
	id      INTEGER PRIMARY KEY,
	mirror  TEXT NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE,
	at      BIGINT NOT NULL,
	state   TEXT NOT NULL,
	url     TEXT NOT NULL,
	version BIGINT NOT NULL,
	epoch   BIGINT NOT NULL,
	issued  BIGINT NOT NULL,
	took    BIGINT NOT NULL, -- milliseconds
	error   TEXT NOT NULL
);
CREATE INDEX mirror_checks_mirror ON mirror_checks (mirror, id);

-- Two signed heads of one number: what the root has and what a mirror served.
-- It stays when the mirror goes.
CREATE TABLE evidence (
	hash   BYTEA PRIMARY KEY, -- of both heads
	at     BIGINT NOT NULL,
	mirror TEXT NOT NULL,
	url    TEXT NOT NULL,
	held   BYTEA NOT NULL,
	served BYTEA NOT NULL
);

-- Messages to be sent by e-mail.
CREATE TABLE messages (
	id        INTEGER PRIMARY KEY,
	key       TEXT NOT NULL UNIQUE, -- what it is about: nobody is told twice
	recipient TEXT NOT NULL,
	subject   TEXT NOT NULL,
	body      TEXT NOT NULL,
	created   BIGINT NOT NULL,
	tries     BIGINT NOT NULL DEFAULT 0,
	next      BIGINT NOT NULL,           -- when to try, again or first
	done      BIGINT NOT NULL DEFAULT 0, -- when it was sent or given up
	error     TEXT NOT NULL DEFAULT ''   -- of the last try; of a message that is done: why it was given up
);
CREATE INDEX messages_waiting ON messages (next) WHERE done = 0;
CREATE INDEX messages_done ON messages (done) WHERE done > 0;
