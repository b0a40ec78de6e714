-- +goose Up

-- What is made here stands beside chat_messages, so that every node finds it that
-- finds chat_messages, whatever else its search path names.

SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();

-- When each user was connected last. A row changes often and no index but the key has it, so
-- with room on its page a change stays there.

CREATE TABLE IF NOT EXISTS chat_seen (
    user_id   uuid        PRIMARY KEY,
    last_seen timestamptz NOT NULL
) WITH (fillfactor = 50);
