-- +goose Up

-- What is made here stands beside chat_messages, so that every node finds it that
-- finds chat_messages, whatever else its search path names.

SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();

-- Files that were uploaded: pending, ready or gone. Of a time that is leased one node deletes
-- the bytes.

CREATE TABLE IF NOT EXISTS chat_attachments (
    id           uuid        PRIMARY KEY,
    chat_room_id uuid        NOT NULL,
    uploader_id  uuid        NOT NULL,
    message_id   uuid,
    state        text        NOT NULL,
    store_key    text        NOT NULL,
    preview_key  text,
    name         text        NOT NULL,
    mime         text        NOT NULL,
    size         bigint      NOT NULL,
    width        integer,
    height       integer,
    sha256       bytea,
    created_at   timestamptz NOT NULL,
    leased_until timestamptz
);

CREATE INDEX IF NOT EXISTS caravan_attachments_loose ON chat_attachments (created_at) WHERE message_id IS NULL OR state <> 'ready';
CREATE INDEX IF NOT EXISTS caravan_attachments_uploader ON chat_attachments (uploader_id, created_at);
CREATE INDEX IF NOT EXISTS caravan_attachments_message ON chat_attachments (message_id) WHERE message_id IS NOT NULL;

-- Nodes of the release before may be running. They delete messages, and know of no files.

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION caravan_keep_deleted() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    NEW.content := '';
    UPDATE chat_attachments SET state = 'gone' WHERE message_id = NEW.id AND state <> 'gone';
    RETURN NEW;
END
$$;
-- +goose StatementEnd
