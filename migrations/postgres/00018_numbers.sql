-- +goose Up

-- What is made here stands beside chat_messages, so that every node finds it that
-- finds chat_messages, whatever else its search path names.

SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();

-- Which rooms got another number, by which transaction: -1 where a room's number became
-- smaller, or the room went, or came back. Nothing of it is worth the log: where a crash or a
-- failover empties it, chat_numbers_kept is empty, too, and nodes compare all rooms. Nodes delete
-- rows after a minute or two.

CREATE UNLOGGED TABLE IF NOT EXISTS chat_numbers (
    xact         xid8   NOT NULL DEFAULT pg_current_xact_id(),
    chat_room_id uuid   NOT NULL,
    seq          bigint NOT NULL
);

CREATE INDEX IF NOT EXISTS caravan_numbers_xact ON chat_numbers (xact);

-- From where on the rows are all there. There is one row, or none.

CREATE UNLOGGED TABLE IF NOT EXISTS chat_numbers_kept (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    id     uuid    NOT NULL, -- another one after each time that rows were lost
    pruned xid8    NOT NULL  -- where a snapshot ends that saw all that was deleted
);

-- Whoever writes a number tells it so. Nodes of the release before do, and the service that was
-- before Caravan. They may not write here themselves, so the function has its owner's rights. It
-- looks into this schema alone: a temporary table of the writer's would come first otherwise.
-- Nobody else may make a trigger of it. Who writes needs no right to call it.

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION caravan_note_number() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        INSERT INTO chat_numbers (chat_room_id, seq) VALUES (coalesce(OLD.id, NEW.id), -1);
    ELSIF TG_OP = 'TRUNCATE' THEN
        DELETE FROM chat_numbers_kept;
    ELSE
        INSERT INTO chat_numbers (chat_room_id, seq) SELECT id, last_seq FROM written;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION caravan_note_number() SET search_path = %I, pg_temp', current_schema());
END
$$;
-- +goose StatementEnd

REVOKE EXECUTE ON FUNCTION caravan_note_number() FROM PUBLIC;

-- A trigger takes chat_rooms from all who write. Who waits for that holds up all who come
-- after it, so it waits shortly, and Up tries again. Longer now and then: the server's own
-- vacuum gives way to who has waited for a second.

SELECT set_config('lock_timeout', CASE WHEN random() < 0.2 THEN '1500ms' ELSE '500ms' END, true);

DROP TRIGGER IF EXISTS caravan_note_number ON chat_rooms;
DROP TRIGGER IF EXISTS caravan_note_set_back ON chat_rooms;
DROP TRIGGER IF EXISTS caravan_note_gone ON chat_rooms;
DROP TRIGGER IF EXISTS caravan_note_put_back ON chat_rooms;
DROP TRIGGER IF EXISTS caravan_note_emptied ON chat_rooms;

CREATE TRIGGER caravan_note_number AFTER UPDATE ON chat_rooms
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION caravan_note_number();

CREATE TRIGGER caravan_note_set_back AFTER UPDATE OF last_seq ON chat_rooms FOR EACH ROW
    WHEN (NEW.last_seq < OLD.last_seq) EXECUTE FUNCTION caravan_note_number();

CREATE TRIGGER caravan_note_gone AFTER DELETE ON chat_rooms FOR EACH ROW EXECUTE FUNCTION caravan_note_number();

CREATE TRIGGER caravan_note_put_back AFTER INSERT ON chat_rooms FOR EACH ROW
    WHEN (NEW.last_seq > 0) EXECUTE FUNCTION caravan_note_number();

CREATE TRIGGER caravan_note_emptied AFTER TRUNCATE ON chat_rooms FOR EACH STATEMENT EXECUTE FUNCTION caravan_note_number();

-- A restored dump writes as a replica does: that counts as well. What logical replication applies
-- fires triggers of rows alone, so a number that grows so is found when all rooms are compared.

ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER caravan_note_number;
ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER caravan_note_set_back;
ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER caravan_note_gone;
ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER caravan_note_put_back;
ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER caravan_note_emptied;
