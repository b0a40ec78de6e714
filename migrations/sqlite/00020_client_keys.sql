-- +goose Up

-- 00019 gave chat_messages its column. A message is found by the number of its client_id. Messages
-- from before have none: the former index stays for them alone.

DROP INDEX IF EXISTS caravan_messages_client;
CREATE UNIQUE INDEX caravan_messages_client ON chat_messages (chat_room_id, sender_id, client_id)
    WHERE client_id IS NOT NULL AND client_key IS NULL;
CREATE INDEX caravan_messages_client_key ON chat_messages (client_key) WHERE client_key IS NOT NULL;
