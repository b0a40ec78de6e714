-- Takes away what Caravan added to an adopted database, and nothing else: messages stay,
-- those too that were written by Caravan. Reactions, read marks, mentions, pins and the rows of files
-- go. Stop the server first. Of messages that were deleted nothing but their rows is left: the
-- first statements remove them.
--
--   sqlite3 -bail FILE <sqlite.sql

BEGIN IMMEDIATE;

UPDATE chat_messages SET reply_to_id = NULL WHERE reply_to_id IN (SELECT id FROM chat_messages WHERE deleted_at IS NOT NULL);
DELETE FROM chat_messages WHERE deleted_at IS NOT NULL;

DROP INDEX IF EXISTS caravan_messages_seq;
DROP INDEX IF EXISTS caravan_messages_client;
DROP INDEX IF EXISTS caravan_messages_client_key;
DROP INDEX IF EXISTS caravan_messages_pinned;
DROP INDEX IF EXISTS caravan_messages_reply;
DROP INDEX IF EXISTS caravan_rooms_trip;
DROP INDEX IF EXISTS caravan_collaborators_user;

ALTER TABLE chat_messages DROP COLUMN seq;
ALTER TABLE chat_messages DROP COLUMN rev;
ALTER TABLE chat_messages DROP COLUMN client_id;
ALTER TABLE chat_messages DROP COLUMN client_key;
ALTER TABLE chat_messages DROP COLUMN deleted_at;
ALTER TABLE chat_messages DROP COLUMN pinned_at;
ALTER TABLE chat_messages DROP COLUMN extra;
ALTER TABLE chat_rooms DROP COLUMN last_seq;
ALTER TABLE chat_rooms DROP COLUMN first_seq;
ALTER TABLE chat_rooms DROP COLUMN slow_mode;

DROP TABLE IF EXISTS chat_events;
DROP TABLE IF EXISTS chat_deployment;
DROP TABLE IF EXISTS chat_secrets;
DROP TABLE IF EXISTS chat_reads;
DROP TABLE IF EXISTS chat_usage;
DROP TABLE IF EXISTS chat_sent;
DROP TABLE IF EXISTS chat_reactions;
DROP TABLE IF EXISTS chat_summaries_due;
DROP TABLE IF EXISTS chat_mentions;
DROP TABLE IF EXISTS chat_uncounted;
DROP TABLE IF EXISTS chat_attachments;
DROP TABLE IF EXISTS chat_seen;
DROP TABLE IF EXISTS caravan_schema_version;

COMMIT;
