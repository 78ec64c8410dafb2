-- +goose Up
-- What admins do not want to be asked for.
INSERT INTO counters (name, value) VALUES ('block', 0); -- the newest id

CREATE TABLE blocks (
	id      INTEGER PRIMARY KEY,
	kind    TEXT NOT NULL CHECK (kind IN ('network', 'domain', 'pattern')),
	value   TEXT NOT NULL,  -- in its normal form
	reason  TEXT NOT NULL,  -- for admins
	public  TEXT NOT NULL,  -- what the refused read; empty: nothing
	admin   TEXT NOT NULL,
	created BIGINT NOT NULL,
	ends    BIGINT NOT NULL DEFAULT 0, -- 0: never
	UNIQUE (kind, value)
);
