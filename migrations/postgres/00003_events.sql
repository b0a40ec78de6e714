-- +goose Up

-- What is made here stands beside chat_messages, so that every node finds it that
-- finds chat_messages, whatever else its search path names.

SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();

-- A trigger takes chat_messages from all who write, and from vacuum. Who waits for
-- that holds up all who come after it, so it waits shortly, and Up tries again. Longer now
-- and then: the server's own vacuum gives way to who has waited for a second.

SELECT set_config('lock_timeout', CASE WHEN random() < 0.2 THEN '1500ms' ELSE '500ms' END, true);

-- The log is two tables: a message's row is the event that made it, each later
-- change is a row here, with the number that it took. It holds no content.

CREATE TABLE IF NOT EXISTS chat_events (
    chat_room_id uuid        NOT NULL,
    seq          bigint      NOT NULL,
    id           uuid        NOT NULL,
    kind         smallint    NOT NULL,
    message_id   uuid,
    actor_id     uuid        NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (chat_room_id, seq)
);

-- Which deployment this is: nodes tell by it whose notices concern them.

CREATE TABLE IF NOT EXISTS chat_deployment (
    id uuid PRIMARY KEY
);

-- Nodes of the release before may be running. What they change gets its row here:
-- a node that writes the row itself says so by a setting of its session.

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION caravan_note_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO chat_events (chat_room_id, seq, id, kind, message_id, actor_id, at)
    VALUES (NEW.chat_room_id, NEW.rev, gen_random_uuid(), 2, NEW.id, NEW.sender_id, NEW.updated_at)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

DROP TRIGGER IF EXISTS caravan_note_change ON chat_messages;
DROP TRIGGER IF EXISTS caravan_note_changed ON chat_messages;

CREATE TRIGGER caravan_note_change AFTER UPDATE OF rev ON chat_messages FOR EACH ROW
    WHEN (NEW.rev <> OLD.rev AND current_setting('caravan.log', true) IS DISTINCT FROM '2')
    EXECUTE FUNCTION caravan_note_change();

CREATE TRIGGER caravan_note_changed AFTER INSERT ON chat_messages FOR EACH ROW
    WHEN (NEW.rev <> NEW.seq AND current_setting('caravan.log', true) IS DISTINCT FROM '2')
    EXECUTE FUNCTION caravan_note_change();

-- COPY fills pages. With some room left on them a change stays on its page, and no
-- index has to be touched. A partitioned table has no pages of its own.

-- +goose StatementBegin
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN
        SELECT 'chat_messages'::regclass
         UNION
        SELECT relid FROM pg_partition_tree('chat_messages')
    LOOP
        IF (SELECT relkind = 'r' FROM pg_class WHERE oid = part) THEN
            EXECUTE format('ALTER TABLE %s SET (fillfactor = 95)', part);
        END IF;
    END LOOP;
END
$$;
-- +goose StatementEnd
