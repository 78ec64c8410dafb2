-- +goose Up
-- What the larger limit counts: the /24 of an IPv4 source, the /48 of an IPv6
-- one. That of older registrations does not matter: they leave the window.
ALTER TABLE registrations ADD COLUMN source_network TEXT NOT NULL DEFAULT '';
CREATE INDEX registrations_network ON registrations (source_network, created);
