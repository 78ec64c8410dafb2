-- +goose Up
-- Which content of a registration this is, from 1. A repeated request with the
-- same content is no new one. How often older ones changed is not known.
ALTER TABLE registrations ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
UPDATE registrations SET revision = requests;
