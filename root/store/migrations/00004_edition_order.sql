-- +goose Up
-- Readers order editions by epoch, then version: a new epoch may start at a
-- lower version.
CREATE INDEX editions_order ON editions (type, epoch, version);
