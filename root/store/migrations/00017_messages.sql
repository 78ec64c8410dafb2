-- +goose Up
-- Messages go to webhooks, too, and are bounded for each recipient.
ALTER TABLE messages ADD COLUMN channel TEXT NOT NULL DEFAULT ''; -- '': e-mail; else the name of a webhook
ALTER TABLE messages ADD COLUMN event TEXT NOT NULL DEFAULT '';   -- what it is about, for programs
ALTER TABLE messages ADD COLUMN details TEXT NOT NULL DEFAULT ''; -- JSON, or nothing
DROP INDEX messages_waiting;
CREATE INDEX messages_waiting ON messages (channel, next) WHERE done = 0;
CREATE INDEX messages_recipient ON messages (lower(recipient), created);
CREATE INDEX messages_event ON messages (event, created);

-- How many messages wait, and up to which record and registration people were
-- told of what has happened. What is older than this table is no news.
INSERT INTO counters (name, value) SELECT 'message-waiting', COUNT(*) FROM messages WHERE done = 0;
INSERT INTO counters (name, value) SELECT 'told-audit', COALESCE(MAX(number), 0) FROM audit;
INSERT INTO counters (name, value) SELECT 'told-registration', value FROM counters WHERE name = 'registration';
INSERT INTO counters (name, value) SELECT 'digest-registration', value FROM counters WHERE name = 'registration';
INSERT INTO counters (name, value) SELECT 'digest-mirror', value FROM counters WHERE name = 'mirror-registration';
INSERT INTO counters (name, value) VALUES ('digest-at', 0);
