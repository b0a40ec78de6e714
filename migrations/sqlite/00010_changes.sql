-- +goose Up

-- 00009 gave chat_rooms and chat_messages their columns.

-- Who has chosen which emoji for which message: without U+FE0F, and as first given.

CREATE TABLE chat_reactions (
    message_id TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    emoji      TEXT NOT NULL,
    shown      TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (message_id, user_id, emoji)
) WITHOUT ROWID;

-- Messages whose reactions or answers are to be counted anew.

CREATE TABLE chat_summaries_due (
    message_id   TEXT NOT NULL PRIMARY KEY,
    chat_room_id TEXT NOT NULL,
    due_at       TEXT NOT NULL
) WITHOUT ROWID;

-- Whom messages mention, by their numbers. The zero id is everybody.

CREATE TABLE chat_mentions (
    user_id      TEXT NOT NULL,
    chat_room_id TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    PRIMARY KEY (user_id, chat_room_id, seq)
) WITHOUT ROWID;

CREATE INDEX caravan_messages_pinned ON chat_messages (chat_room_id, pinned_at) WHERE pinned_at IS NOT NULL;
CREATE INDEX caravan_messages_reply ON chat_messages (reply_to_id, seq) WHERE reply_to_id IS NOT NULL;
