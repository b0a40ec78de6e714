-- +goose Up

-- The log is two tables: a message's row is the event that made it, each later
-- change is a row here, with the number that it took. It holds no content.

CREATE TABLE chat_events (
    chat_room_id TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    id           TEXT NOT NULL,
    kind         INTEGER NOT NULL,
    message_id   TEXT,
    actor_id     TEXT NOT NULL,
    at           TEXT NOT NULL,
    PRIMARY KEY (chat_room_id, seq)
) WITHOUT ROWID;

-- Of the changes that there were, the last one of each message is known; those
-- that it covered have no row. Their ids only have to differ.

INSERT INTO chat_events (chat_room_id, seq, id, kind, message_id, actor_id, at)
SELECT chat_room_id, rev,
       lower(printf('%s-%s-4%s-8%s-%s', hex(randomblob(4)), hex(randomblob(2)), substr(hex(randomblob(2)), 2),
                    substr(hex(randomblob(2)), 2), hex(randomblob(6)))),
       2, id, sender_id, updated_at
  FROM chat_messages
 WHERE rev <> seq;

DROP INDEX caravan_messages_rev;

-- Which deployment this is: nodes tell by it whose notices concern them.

CREATE TABLE chat_deployment (
    id TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;
