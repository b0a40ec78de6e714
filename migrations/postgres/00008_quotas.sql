-- +goose Up

-- What is made here stands beside chat_messages, so that every node finds it that
-- finds chat_messages, whatever else its search path names.

SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();

-- What quotas are held against. Rows are written while there are quotas only.

CREATE TABLE IF NOT EXISTS chat_usage (
    chat_room_id uuid   PRIMARY KEY,
    seq          bigint NOT NULL,
    bytes        bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS chat_sent (
    user_id  uuid   PRIMARY KEY,
    day      bigint NOT NULL,
    messages bigint NOT NULL
) WITH (fillfactor = 50);
