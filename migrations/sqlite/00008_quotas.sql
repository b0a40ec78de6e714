-- +goose Up

-- What quotas are held against. Rows are written while there are quotas only.

CREATE TABLE chat_usage (
    chat_room_id TEXT NOT NULL PRIMARY KEY,
    seq          INTEGER NOT NULL,
    bytes        INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE chat_sent (
    user_id  TEXT NOT NULL PRIMARY KEY,
    day      INTEGER NOT NULL,
    messages INTEGER NOT NULL
) WITHOUT ROWID;
