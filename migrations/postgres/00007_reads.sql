-- +goose Up

-- What is made here stands beside chat_messages, so that every node finds it that
-- finds chat_messages, whatever else its search path names.

SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();

-- How far each member has read. A row changes often and no index but the key has it, so
-- with room on its page a change stays there.

CREATE TABLE IF NOT EXISTS chat_reads (
    chat_room_id uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    read_seq     bigint      NOT NULL,
    notified_seq bigint      NOT NULL DEFAULT 0,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (chat_room_id, user_id)
) WITH (fillfactor = 50);
