-- +goose Up

-- What is made here stands beside chat_messages, so that every node finds it that
-- finds chat_messages, whatever else its search path names.

SELECT set_config('search_path', concat_ws(', ', quote_ident(n.nspname), nullif(current_setting('search_path'), '')), true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = 'chat_messages'::regclass AND n.nspname <> current_schema();

-- Which rooms got another number, by which transaction: -1 where a room's number became
-- smaller, or the room went. Nothing of it is worth the log: where a crash or a failover empties
-- it, chat_numbers_kept is empty, too, and nodes compare all rooms. Rows are kept for a minute or two.

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
    pruned xid8    NOT NULL  -- of a snapshot that saw all that was deleted, where it ends
);

-- Whoever writes a number tells it so, also nodes of the release before and the service that
-- was before Caravan, which may not write here itself.

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION caravan_note_number() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        INSERT INTO chat_numbers (chat_room_id, seq) VALUES (OLD.id, -1);
    ELSIF TG_OP = 'TRUNCATE' THEN
        DELETE FROM chat_numbers_kept;
    ELSE
        INSERT INTO chat_numbers (chat_room_id, seq) SELECT id, last_seq FROM written;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- A trigger takes chat_rooms from all who write. Who waits for that holds up all who come
-- after it, so it waits shortly, and Up tries again. Longer now and then: the server's own
-- vacuum gives way to who has waited for a second.

SELECT set_config('lock_timeout', CASE WHEN random() < 0.2 THEN '1500ms' ELSE '500ms' END, true);

DROP TRIGGER IF EXISTS caravan_note_number ON chat_rooms;
DROP TRIGGER IF EXISTS caravan_note_set_back ON chat_rooms;
DROP TRIGGER IF EXISTS caravan_note_gone ON chat_rooms;
DROP TRIGGER IF EXISTS caravan_note_emptied ON chat_rooms;

CREATE TRIGGER caravan_note_number AFTER UPDATE ON chat_rooms
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION caravan_note_number();

CREATE TRIGGER caravan_note_set_back AFTER UPDATE OF last_seq ON chat_rooms FOR EACH ROW
    WHEN (NEW.last_seq < OLD.last_seq) EXECUTE FUNCTION caravan_note_number();

CREATE TRIGGER caravan_note_gone AFTER DELETE ON chat_rooms FOR EACH ROW EXECUTE FUNCTION caravan_note_number();

CREATE TRIGGER caravan_note_emptied AFTER TRUNCATE ON chat_rooms FOR EACH STATEMENT EXECUTE FUNCTION caravan_note_number();

-- A restored dump or a logical replica writes as a replica does: that counts as well.

ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER caravan_note_number;
ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER caravan_note_set_back;
ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER caravan_note_gone;
ALTER TABLE chat_rooms ENABLE ALWAYS TRIGGER caravan_note_emptied;
