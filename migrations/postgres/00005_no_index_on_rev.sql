-- +goose NO TRANSACTION
-- +goose Up

-- Nothing is looked up by rev any more. Nodes of the release before find what they
-- look for without it, more slowly in long rooms.

-- The index of a partitioned table cannot be dropped concurrently. It takes the table, and
-- its parts, for itself: so it waits shortly, and Up tries again.

-- +goose StatementBegin
DO $$
BEGIN
    IF (SELECT relkind = 'I' FROM pg_class WHERE oid = to_regclass('caravan_messages_rev')) THEN
        PERFORM set_config('lock_timeout', CASE WHEN random() < 0.2 THEN '1500ms' ELSE '500ms' END, true);
        DROP INDEX caravan_messages_rev;
    END IF;
END
$$;
-- +goose StatementEnd

DROP INDEX CONCURRENTLY IF EXISTS caravan_messages_rev;
