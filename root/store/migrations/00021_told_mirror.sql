-- +goose Up
-- Requesters of mirrors are written to as those of servers. What has arrived
-- before that was so is no news.
INSERT INTO counters (name, value) SELECT 'told-mirror', value FROM counters WHERE name = 'mirror-registration';
