-- +goose Up

-- Messages may have been answered before answers were counted. They are counted in
-- portions, while the server runs: this is up to which of them that is done, by their ids.
-- There is no row where it is done for all.

CREATE TABLE chat_uncounted (
    message_id TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;

INSERT INTO chat_uncounted (message_id)
SELECT '' WHERE EXISTS (SELECT 1 FROM chat_messages);
