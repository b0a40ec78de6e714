-- +goose Up

-- What is made here stands beside chat_messages, so that every node finds it that
-- finds chat_messages, whatever else its search path names.

SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();

-- Who has chosen which emoji for which message: without U+FE0F, and as first given.

CREATE TABLE IF NOT EXISTS chat_reactions (
    message_id uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    emoji      text        NOT NULL,
    shown      text        NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (message_id, user_id, emoji)
);

-- Messages whose reactions or answers are to be counted anew.

CREATE TABLE IF NOT EXISTS chat_summaries_due (
    message_id   uuid        PRIMARY KEY,
    chat_room_id uuid        NOT NULL,
    due_at       timestamptz NOT NULL
);

-- Whom messages mention, by their numbers. The zero id is everybody.

CREATE TABLE IF NOT EXISTS chat_mentions (
    user_id      uuid   NOT NULL,
    chat_room_id uuid   NOT NULL,
    seq          bigint NOT NULL,
    PRIMARY KEY (user_id, chat_room_id, seq)
);

-- New columns are instant, but each takes its table for itself. Who waits for that holds up
-- all who come after it, so it waits shortly, and Up tries again. Longer now and then: the
-- server's own vacuum gives way to who has waited for a second.

SELECT set_config('lock_timeout', CASE WHEN random() < 0.2 THEN '1500ms' ELSE '500ms' END, true);

ALTER TABLE chat_rooms
    ADD COLUMN IF NOT EXISTS first_seq bigint NOT NULL DEFAULT 1,
    ADD COLUMN IF NOT EXISTS slow_mode integer NOT NULL DEFAULT 0;

-- Shorter than PostgreSQL waits until it looks for a deadlock, and ends somebody else's
-- transaction: who stores a message may have this table and wait for the other one.

SELECT set_config('lock_timeout', '400ms', true);

ALTER TABLE chat_messages
    ADD COLUMN IF NOT EXISTS deleted_at timestamptz,
    ADD COLUMN IF NOT EXISTS pinned_at timestamptz,
    ADD COLUMN IF NOT EXISTS extra jsonb;
