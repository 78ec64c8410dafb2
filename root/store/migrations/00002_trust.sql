-- +goose Up
-- The trust documents of the origin, all of them for ever. The number of the
-- newest one is in newest_editions, under the type "trust/1".
CREATE TABLE trust_documents (
	version   BIGINT PRIMARY KEY,
	document  BYTEA NOT NULL,
	published BIGINT NOT NULL
);
