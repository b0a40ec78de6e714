-- +goose Up

-- How far each member has read.

CREATE TABLE chat_reads (
    chat_room_id TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    read_seq     INTEGER NOT NULL,
    notified_seq INTEGER NOT NULL DEFAULT 0,
    updated_at   TEXT NOT NULL,
    PRIMARY KEY (chat_room_id, user_id)
) WITHOUT ROWID;
