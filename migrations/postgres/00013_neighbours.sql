-- +goose Up

-- What is made here stands beside chat_messages, so that every node finds it that
-- finds chat_messages, whatever else its search path names.

SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();

-- Who a node is, to people, and how long it has been running when it was seen. It began then,
-- by the clock of the database; that is noted once and does not change, so that all nodes
-- have one order. Nodes of the release before note none of it.

ALTER TABLE chat_nodes
    ADD COLUMN IF NOT EXISTS name     text        NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS up       interval    NOT NULL DEFAULT '0',
    ADD COLUMN IF NOT EXISTS began_at timestamptz NOT NULL DEFAULT clock_timestamp();
