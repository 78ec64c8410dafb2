-- +goose Up
-- Which tables of look-alike letters the claims were made by; 0: older ones.
INSERT INTO counters (name, value) VALUES ('look-alike', 0);
