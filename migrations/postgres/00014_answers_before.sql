-- +goose Up

-- What is made here stands beside chat_messages, so that every node finds it that
-- finds chat_messages, whatever else its search path names.

SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();

-- Nodes of the release before may be running, and count no answers. The summary of what they
-- answer is due here: a node that sees to it itself says so by a setting of its transaction.

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION caravan_note_answer() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO chat_summaries_due (message_id, chat_room_id, due_at)
    VALUES (NEW.reply_to_id, NEW.chat_room_id, now())
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- A trigger takes chat_messages from all who write, and from vacuum. Who waits for
-- that holds up all who come after it, so it waits shortly, and Up tries again. Longer now
-- and then: the server's own vacuum gives way to who has waited for a second.

SELECT set_config('lock_timeout', CASE WHEN random() < 0.2 THEN '1500ms' ELSE '500ms' END, true);

DROP TRIGGER IF EXISTS caravan_note_answer ON chat_messages;

CREATE TRIGGER caravan_note_answer AFTER INSERT ON chat_messages FOR EACH ROW
    WHEN (NEW.reply_to_id IS NOT NULL AND current_setting('caravan.summaries', true) IS DISTINCT FROM 'own')
    EXECUTE FUNCTION caravan_note_answer();
