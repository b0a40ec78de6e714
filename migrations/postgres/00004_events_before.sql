-- +goose Up

-- Of the changes that there were, the last one of each message is known; those
-- that it covered have no row. Nobody has to wait: what nodes of the release before
-- change meanwhile gets its row by the trigger.

INSERT INTO chat_events (chat_room_id, seq, id, kind, message_id, actor_id, at)
SELECT chat_room_id, rev, gen_random_uuid(), 2, id, sender_id, updated_at
  FROM chat_messages
 WHERE rev <> seq
    ON CONFLICT DO NOTHING;
