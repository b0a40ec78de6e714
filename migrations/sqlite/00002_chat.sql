-- +goose Up

-- Ids are lower-case hyphenated text; times are text in UTC with microseconds,
-- '2006-01-02 15:04:05.000000', which sorts and which SQLite's own functions read.

-- The application's own tables, made only where there is no application.

CREATE TABLE IF NOT EXISTS users (
    id         TEXT NOT NULL PRIMARY KEY,
    email      TEXT NOT NULL,
    username   TEXT NOT NULL,
    first_name TEXT NOT NULL DEFAULT '',
    last_name  TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS trips (
    id         TEXT NOT NULL PRIMARY KEY,
    title      TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
) WITHOUT ROWID;

-- collaborators: 00001 made it.

-- Caravan's tables, or those of the service that it replaces (00001 gave those
-- the columns that they lacked).

CREATE TABLE IF NOT EXISTS chat_rooms (
    id         TEXT NOT NULL PRIMARY KEY,
    trip_id    TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
    last_seq   INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS chat_messages (
    id           TEXT NOT NULL PRIMARY KEY,
    chat_room_id TEXT NOT NULL,
    sender_id    TEXT NOT NULL,
    content      TEXT NOT NULL,
    message_type TEXT NOT NULL DEFAULT 'text',
    reply_to_id  TEXT,
    is_edited    INTEGER NOT NULL DEFAULT 0,
    created_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
    updated_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
    seq          INTEGER,
    rev          INTEGER,
    client_id    TEXT
);

-- Messages without a number get the next ones of their room, in the order in
-- which they were made.

UPDATE chat_messages
   SET seq = n.seq, rev = n.seq
  FROM (SELECT u.id,
               coalesce(numbered.last, 0)
                   + row_number() OVER (PARTITION BY u.chat_room_id ORDER BY u.created_at, u.id) AS seq
          FROM chat_messages u
          LEFT JOIN (SELECT chat_room_id, max(max(seq, coalesce(rev, seq))) AS last
                       FROM chat_messages WHERE seq IS NOT NULL GROUP BY chat_room_id) numbered
            ON numbered.chat_room_id = u.chat_room_id
         WHERE u.seq IS NULL) n
 WHERE n.id = chat_messages.id;

UPDATE chat_messages SET rev = seq WHERE rev IS NULL;

UPDATE chat_rooms
   SET last_seq = n.last
  FROM (SELECT chat_room_id, max(rev) AS last FROM chat_messages GROUP BY chat_room_id) n
 WHERE n.chat_room_id = chat_rooms.id AND coalesce(chat_rooms.last_seq, 0) < n.last;

CREATE UNIQUE INDEX IF NOT EXISTS caravan_messages_seq ON chat_messages (chat_room_id, seq);
CREATE UNIQUE INDEX IF NOT EXISTS caravan_messages_rev ON chat_messages (chat_room_id, rev);
CREATE UNIQUE INDEX IF NOT EXISTS caravan_messages_client ON chat_messages (chat_room_id, sender_id, client_id)
    WHERE client_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS caravan_rooms_trip ON chat_rooms (trip_id);
