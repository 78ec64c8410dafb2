-- +goose Up
-- The id that an imported registration had, to be given to its entry.
ALTER TABLE registrations ADD COLUMN wish TEXT NOT NULL DEFAULT '';
