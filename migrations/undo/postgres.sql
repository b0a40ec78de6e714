-- Takes away what Caravan added to an adopted database, and nothing else: messages stay,
-- those too that were written by Caravan. Reactions, read marks, mentions, pins and the rows of files
-- go. Stop all nodes first. Of messages that were deleted nothing but their rows is left:
-- the first statement removes them. It holds chat_messages for an instant.
--
--   psql -v ON_ERROR_STOP=1 --single-transaction -f postgres.sql URL

SET CONSTRAINTS ALL IMMEDIATE;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'chat_messages'::regclass AND attname = 'deleted_at' AND NOT attisdropped) THEN
        UPDATE chat_messages SET reply_to_id = NULL WHERE reply_to_id IN (SELECT id FROM chat_messages WHERE deleted_at IS NOT NULL);
        DELETE FROM chat_messages WHERE deleted_at IS NOT NULL;
    END IF;
END
$$;

DROP TRIGGER IF EXISTS caravan_number ON chat_messages;
DROP TRIGGER IF EXISTS caravan_note_change ON chat_messages;
DROP TRIGGER IF EXISTS caravan_note_changed ON chat_messages;
DROP TRIGGER IF EXISTS caravan_note_answer ON chat_messages;
DROP TRIGGER IF EXISTS caravan_keep_deleted ON chat_messages;

DROP TRIGGER IF EXISTS caravan_note_number ON chat_rooms;
DROP TRIGGER IF EXISTS caravan_note_set_back ON chat_rooms;
DROP TRIGGER IF EXISTS caravan_note_gone ON chat_rooms;
DROP TRIGGER IF EXISTS caravan_note_put_back ON chat_rooms;
DROP TRIGGER IF EXISTS caravan_note_emptied ON chat_rooms;

-- Those of --rights-triggers, where somebody has made them: who owns the application's tables. Where that is another
-- role than this one, or a table has another name by now, run what `caravan migrate --rights-triggers drop` prints first.
DROP TRIGGER IF EXISTS caravan_note_right ON users;
DROP TRIGGER IF EXISTS caravan_note_right_emptied ON users;
DROP TRIGGER IF EXISTS caravan_note_right ON trips;
DROP TRIGGER IF EXISTS caravan_note_right_emptied ON trips;
DROP TRIGGER IF EXISTS caravan_note_right ON collaborators;
DROP TRIGGER IF EXISTS caravan_note_right_emptied ON collaborators;
DROP TRIGGER IF EXISTS caravan_note_right ON chat_rooms;
DROP TRIGGER IF EXISTS caravan_note_right_emptied ON chat_rooms;
DROP FUNCTION IF EXISTS caravan_note_right(), caravan_note_right_emptied();
DROP TABLE IF EXISTS chat_rights, chat_rights_kept;

DROP FUNCTION IF EXISTS caravan_number(), caravan_note_change(), caravan_note_answer(), caravan_keep_deleted(), caravan_note_number();

-- With the columns go their indexes.
ALTER TABLE chat_messages
    DROP CONSTRAINT IF EXISTS caravan_numbered,
    DROP COLUMN IF EXISTS seq,
    DROP COLUMN IF EXISTS rev,
    DROP COLUMN IF EXISTS client_id,
    DROP COLUMN IF EXISTS deleted_at,
    DROP COLUMN IF EXISTS pinned_at,
    DROP COLUMN IF EXISTS extra,
    RESET (fillfactor);

ALTER TABLE chat_rooms
    DROP COLUMN IF EXISTS last_seq,
    DROP COLUMN IF EXISTS first_seq,
    DROP COLUMN IF EXISTS slow_mode;

DROP INDEX IF EXISTS caravan_messages_unnumbered, caravan_rooms_trip, caravan_collaborators_user, caravan_collaborators_trip_user;

DROP TABLE IF EXISTS chat_events, chat_deployment, chat_secrets, chat_reads, chat_usage, chat_sent, chat_reactions, chat_summaries_due,
    chat_mentions, chat_nodes, chat_uncounted, chat_attachments, chat_seen, chat_numbers, chat_numbers_kept, caravan_schema_version;
