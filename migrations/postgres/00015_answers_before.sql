-- +goose Up

-- What is made here stands beside chat_messages, so that every node finds it that
-- finds chat_messages, whatever else its search path names.

SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();

-- A trigger takes chat_messages from all who write, and from vacuum. Who waits for
-- that holds up all who come after it, so it waits shortly, and Up tries again. Longer now
-- and then: the server's own vacuum gives way to who has waited for a second.

SELECT set_config('lock_timeout', CASE WHEN random() < 0.2 THEN '1500ms' ELSE '500ms' END, true);

-- Messages may have been answered before answers were counted. They are counted in
-- portions, while nodes run: this is up to which of them that is done, by their ids. There
-- is no row where it is done for all.

CREATE TABLE IF NOT EXISTS chat_uncounted (
    message_id uuid PRIMARY KEY
);

INSERT INTO chat_uncounted (message_id)
SELECT '00000000-0000-0000-0000-000000000000' WHERE EXISTS (SELECT FROM chat_messages)
    ON CONFLICT DO NOTHING;

-- Nodes of the release before may be running. They edit what is deleted, too, as they do not
-- know that it is. Nothing of that stays. The trigger does not name the column, so that an
-- application may change its type.

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION caravan_keep_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.content := '';
    RETURN NEW;
END
$$;
-- +goose StatementEnd

DROP TRIGGER IF EXISTS caravan_keep_deleted ON chat_messages;

CREATE TRIGGER caravan_keep_deleted BEFORE UPDATE OF rev ON chat_messages FOR EACH ROW
    WHEN (NEW.deleted_at IS NOT NULL)
    EXECUTE FUNCTION caravan_keep_deleted();
