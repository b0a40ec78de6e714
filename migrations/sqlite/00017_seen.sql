-- +goose Up

-- When each user was connected last.

CREATE TABLE chat_seen (
    user_id   TEXT NOT NULL PRIMARY KEY,
    last_seen TEXT NOT NULL
) WITHOUT ROWID;
