-- +goose Up

-- What is made here stands beside chat_messages, so that every node finds it that
-- finds chat_messages, whatever else its search path names.

SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();

-- The nodes that live. Each writes its own row every few seconds. Nothing of it is worth
-- the log: a crash or a failover may empty it, and no commit here waits for a disk or a standby.

CREATE UNLOGGED TABLE IF NOT EXISTS chat_nodes (
    id      uuid        PRIMARY KEY,
    seen_at timestamptz NOT NULL,
    carried boolean     NOT NULL -- its own heartbeats come back from Redis
);
