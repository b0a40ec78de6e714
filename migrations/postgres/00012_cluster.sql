-- +goose Up

-- What is made here stands beside chat_messages, so that every node finds it that
-- finds chat_messages, whatever else its search path names.

SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();

-- The system identifier of the cluster that the database is in. A copy that was made
-- otherwise than of the whole cluster is in another one.

ALTER TABLE chat_deployment ADD COLUMN IF NOT EXISTS cluster bigint;
