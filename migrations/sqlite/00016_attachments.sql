-- +goose Up

-- Files that were uploaded: pending, ready or gone. Of a time that is leased one sweep deletes
-- the bytes.

CREATE TABLE chat_attachments (
    id           TEXT NOT NULL PRIMARY KEY,
    chat_room_id TEXT NOT NULL,
    uploader_id  TEXT NOT NULL,
    message_id   TEXT,
    state        TEXT NOT NULL,
    store_key    TEXT NOT NULL,
    preview_key  TEXT,
    name         TEXT NOT NULL,
    mime         TEXT NOT NULL,
    size         INTEGER NOT NULL,
    width        INTEGER,
    height       INTEGER,
    sha256       BLOB,
    created_at   TEXT NOT NULL,
    leased_until TEXT
) WITHOUT ROWID;

CREATE INDEX caravan_attachments_loose ON chat_attachments (created_at) WHERE message_id IS NULL OR state <> 'ready';
CREATE INDEX caravan_attachments_uploader ON chat_attachments (uploader_id, created_at);
CREATE INDEX caravan_attachments_message ON chat_attachments (message_id) WHERE message_id IS NOT NULL;
