-- +goose NO TRANSACTION
-- +goose Up

-- Nothing is looked up by rev any more. Nodes of the release before find what they
-- look for without it, more slowly in long rooms.

DROP INDEX CONCURRENTLY IF EXISTS caravan_messages_rev;
