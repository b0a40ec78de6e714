-- +goose Up

-- Who waits for a table holds up all who come after it, so it waits shortly, and Up tries
-- again. Longer now and then: the server's own vacuum gives way to who has waited for a second.

SELECT set_config('lock_timeout', CASE WHEN random() < 0.2 THEN '1500ms' ELSE '500ms' END, true);

-- A service that stores a message takes chat_messages and then, for its number, chat_rooms: so
-- does this. Where another one does it the other way round, this one gives up before
-- PostgreSQL looks for a deadlock, and ends somebody else's transaction.

-- +goose StatementBegin
DO $$
BEGIN
    IF to_regclass('chat_messages') IS NOT NULL THEN
        LOCK TABLE chat_messages IN ACCESS EXCLUSIVE MODE;
        PERFORM set_config('lock_timeout', '400ms', true);
    END IF;
END
$$;
-- +goose StatementEnd

-- What a plain name finds is used, in whatever schema of the search path, be it a
-- table or a view; only what is nowhere is made.

-- +goose StatementBegin
DO $$
BEGIN
    -- The application's own tables, made only where there is no application.

    IF to_regclass('users') IS NULL THEN
        CREATE TABLE users (
            id         uuid PRIMARY KEY,
            email      text NOT NULL,
            username   text NOT NULL,
            first_name text NOT NULL DEFAULT '',
            last_name  text NOT NULL DEFAULT ''
        );
    END IF;

    IF to_regclass('trips') IS NULL THEN
        CREATE TABLE trips (
            id         uuid PRIMARY KEY,
            title      text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        );
    END IF;

    IF to_regclass('collaborators') IS NULL THEN
        CREATE TABLE collaborators (
            trip_id    uuid NOT NULL,
            user_id    uuid NOT NULL,
            role       text NOT NULL DEFAULT 'member',
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (trip_id, user_id)
        );
        BEGIN
            ALTER TABLE collaborators
                ADD FOREIGN KEY (trip_id) REFERENCES trips ON DELETE CASCADE,
                ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
        EXCEPTION WHEN wrong_object_type OR undefined_object OR invalid_foreign_key OR insufficient_privilege THEN
            RAISE WARNING 'collaborators is made without foreign keys: %', SQLERRM;
        END;
    END IF;

    -- Caravan's tables, or those of the service that it replaces.

    IF to_regclass('chat_rooms') IS NULL THEN
        CREATE TABLE chat_rooms (
            id         uuid PRIMARY KEY,
            trip_id    uuid NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            last_seq   bigint NOT NULL DEFAULT 0
        );
    END IF;

    IF to_regclass('chat_messages') IS NULL THEN
        CREATE TABLE chat_messages (
            id           uuid PRIMARY KEY,
            chat_room_id uuid NOT NULL,
            sender_id    uuid NOT NULL,
            content      text NOT NULL,
            message_type text NOT NULL DEFAULT 'text',
            reply_to_id  uuid,
            is_edited    boolean NOT NULL DEFAULT false,
            created_at   timestamptz NOT NULL DEFAULT now(),
            updated_at   timestamptz NOT NULL DEFAULT now(),
            seq          bigint,
            rev          bigint,
            client_id    text
        );
    END IF;
END
$$;
-- +goose StatementEnd

ALTER TABLE chat_rooms ADD COLUMN IF NOT EXISTS last_seq bigint NOT NULL DEFAULT 0;
ALTER TABLE chat_messages ADD COLUMN IF NOT EXISTS seq bigint;
ALTER TABLE chat_messages ADD COLUMN IF NOT EXISTS rev bigint;
ALTER TABLE chat_messages ADD COLUMN IF NOT EXISTS client_id text;

-- Messages without a number get the next ones of their room, in the order in
-- which they were made. Nobody may write meanwhile. Most have been numbered before, while
-- everybody wrote; then PostgreSQL knows that none is left.

LOCK TABLE chat_rooms, chat_messages IN ACCESS EXCLUSIVE MODE;

-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'chat_messages'::regclass AND conname = 'caravan_numbered' AND convalidated) THEN
        RETURN;
    END IF;

    UPDATE chat_messages m
       SET seq = n.seq, rev = n.seq
      FROM (SELECT u.id,
                   coalesce(numbered.last, 0)
                       + row_number() OVER (PARTITION BY u.chat_room_id ORDER BY u.created_at, u.id) AS seq
              FROM chat_messages u
              LEFT JOIN (SELECT chat_room_id, max(greatest(seq, rev)) AS last
                           FROM chat_messages WHERE seq IS NOT NULL GROUP BY chat_room_id) numbered
                ON numbered.chat_room_id = u.chat_room_id
             WHERE u.seq IS NULL) n
     WHERE n.id = m.id;

    UPDATE chat_messages SET rev = seq WHERE rev IS NULL;

    UPDATE chat_rooms r
       SET last_seq = n.last
      FROM (SELECT chat_room_id, max(rev) AS last FROM chat_messages GROUP BY chat_room_id) n
     WHERE n.chat_room_id = r.id AND coalesce(r.last_seq, 0) < n.last;
END
$$;
-- +goose StatementEnd

UPDATE chat_rooms SET last_seq = 0 WHERE last_seq IS NULL;

ALTER TABLE chat_rooms ALTER COLUMN last_seq SET DEFAULT 0, ALTER COLUMN last_seq SET NOT NULL;
ALTER TABLE chat_messages ALTER COLUMN seq SET NOT NULL, ALTER COLUMN rev SET NOT NULL;
ALTER TABLE chat_messages DROP CONSTRAINT IF EXISTS caravan_numbered;

CREATE UNIQUE INDEX IF NOT EXISTS caravan_messages_seq ON chat_messages (chat_room_id, seq);
CREATE UNIQUE INDEX IF NOT EXISTS caravan_messages_rev ON chat_messages (chat_room_id, rev);
CREATE UNIQUE INDEX IF NOT EXISTS caravan_messages_client ON chat_messages (chat_room_id, sender_id, client_id)
    WHERE client_id IS NOT NULL;

-- Indexes that an adopted table may already have under another name.

-- +goose StatementBegin
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('caravan_rooms_trip', 'chat_rooms', ARRAY['trip_id'], true),
            ('caravan_collaborators_user', 'collaborators', ARRAY['user_id'], false),
            ('caravan_collaborators_trip_user', 'collaborators', ARRAY['trip_id', 'user_id'], false)
        ) AS w(name, tab, cols, uniq)
    LOOP
        IF NOT EXISTS (
            SELECT FROM pg_index i
             WHERE i.indrelid = wanted.tab::regclass AND i.indisvalid AND i.indpred IS NULL
               AND (NOT wanted.uniq OR i.indisunique AND i.indnkeyatts = cardinality(wanted.cols))
               AND wanted.cols = (SELECT array_agg(a.attname::text ORDER BY k.n)
                                    FROM unnest(i.indkey::smallint[]) WITH ORDINALITY k(attnum, n)
                                    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                                   WHERE k.n <= cardinality(wanted.cols))
        ) THEN
            BEGIN
                EXECUTE format('CREATE %s INDEX %I ON %I (%s)', CASE WHEN wanted.uniq THEN 'UNIQUE' ELSE '' END,
                               wanted.name, wanted.tab, array_to_string(wanted.cols, ', '));
            EXCEPTION WHEN wrong_object_type OR insufficient_privilege THEN
                IF wanted.uniq THEN
                    RAISE;
                END IF;
                RAISE WARNING '% has no index on (%), which every connect needs: %',
                    wanted.tab, array_to_string(wanted.cols, ', '), SQLERRM;
            END;
        END IF;
    END LOOP;
END
$$;
-- +goose StatementEnd
