-- +goose Up
-- What the root has found out about the servers of requests, and what admins
-- need to remember of earlier ones.

-- The revision that the root has looked at; below the newest it has to look
-- again.
ALTER TABLE registrations ADD COLUMN looked BIGINT NOT NULL DEFAULT 0;
CREATE INDEX registrations_unlooked ON registrations (id) WHERE status = 'pending' AND looked < revision;

CREATE TABLE findings (
	registration INTEGER PRIMARY KEY REFERENCES registrations (id) ON DELETE CASCADE,
	findings     TEXT NOT NULL -- JSON
);

-- The addresses of decided registrations, in the form in which they are
-- compared: those of pending ones are among the claims.
CREATE TABLE past_addresses (
	value        TEXT NOT NULL,
	registration INTEGER NOT NULL REFERENCES registrations (id) ON DELETE CASCADE,
	PRIMARY KEY (value, registration)
);
CREATE INDEX past_addresses_owner ON past_addresses (registration);
CREATE INDEX registrations_email ON registrations (lower(email));
