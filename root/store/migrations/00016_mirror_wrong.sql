-- +goose Up
-- What an alternating liar does not get rid of by one good answer.
ALTER TABLE mirrors ADD COLUMN wrong_for BIGINT NOT NULL DEFAULT 0; -- seconds seen, of ill_for
