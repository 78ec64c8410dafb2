-- +goose Up
-- How many entries an edition had, which is shown long after its document is gone.
ALTER TABLE editions ADD COLUMN entries BIGINT NOT NULL DEFAULT -1; -- -1: not known
