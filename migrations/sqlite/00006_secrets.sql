-- +goose Up

-- Secrets that all nodes share, each made once. A row that is deleted is made anew.

CREATE TABLE chat_secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
