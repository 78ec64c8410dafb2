-- +goose Up
-- Owners edit, move, withdraw and transfer their entries.

-- One more end of a registration: 'withdrawn'. A column is added in the place
-- of the old one because a CHECK cannot be changed where it is.
DROP INDEX registrations_identity;
DROP INDEX registrations_status;
ALTER TABLE registrations RENAME COLUMN status TO old_status;
ALTER TABLE registrations ADD COLUMN status TEXT NOT NULL DEFAULT 'pending'
	CHECK (status IN ('pending', 'approved', 'rejected', 'revoked', 'withdrawn'));
UPDATE registrations SET status = old_status;
ALTER TABLE registrations DROP COLUMN old_status;
CREATE UNIQUE INDEX registrations_identity ON registrations (identity) WHERE status = 'pending';
CREATE INDEX registrations_status ON registrations (status, id);

-- What a registration asks for, and whether the key of the entry has signed it.
-- Of a request of an owner, entry is set while it is pending, too.
ALTER TABLE registrations ADD COLUMN kind TEXT NOT NULL DEFAULT 'new'
	CHECK (kind IN ('new', 'edit', 'withdrawal', 'transfer'));
ALTER TABLE registrations ADD COLUMN signed BIGINT NOT NULL DEFAULT 0;

-- 1: the token is the owner's, and does not only open the status.
ALTER TABLE status_tokens ADD COLUMN owner BIGINT NOT NULL DEFAULT 0;
UPDATE status_tokens SET owner = 1 WHERE request = 1;

ALTER TABLE entries ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;         -- the registration whose owner tokens are those of the entry
ALTER TABLE entries ADD COLUMN first_change BIGINT NOT NULL DEFAULT 0;   -- the change that made it
ALTER TABLE entries ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;       -- of the newest signed request
ALTER TABLE entries ADD COLUMN signed_at BIGINT NOT NULL DEFAULT 0;      -- when such a request last changed it
ALTER TABLE entries ADD COLUMN allowed TEXT NOT NULL DEFAULT 'default';  -- what such a request may change by itself: members, comma between
UPDATE entries SET owner = registration, first_change = change;

-- The change that an edition includes; 0: not known.
ALTER TABLE editions ADD COLUMN change BIGINT NOT NULL DEFAULT 0;

-- Offers of owners to hand an entry over. Whoever has the token may take it.
CREATE TABLE transfers (
	entry   TEXT PRIMARY KEY REFERENCES entries (id),
	hash    BYTEA NOT NULL, -- of the token
	email   TEXT NOT NULL,  -- of the new owner
	expires BIGINT NOT NULL
);

-- Proofs of control. One holds for the addresses that its token was made for.
CREATE TABLE proofs (
	registration INTEGER NOT NULL REFERENCES registrations (id) ON DELETE CASCADE,
	kind         TEXT NOT NULL,
	subject      TEXT NOT NULL, -- the host, or the key
	token        TEXT NOT NULL,
	at           BIGINT NOT NULL,
	PRIMARY KEY (registration, kind, subject)
);
