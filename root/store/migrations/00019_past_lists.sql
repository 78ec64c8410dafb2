-- +goose Up
-- What the lists of the last day had: many small losses are one large one.
CREATE TABLE past_lists (
	type      TEXT NOT NULL,
	version   BIGINT NOT NULL,
	published BIGINT NOT NULL,
	ids       TEXT NOT NULL, -- one a line
	PRIMARY KEY (type, version)
);
