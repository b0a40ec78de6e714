// Package migrations brings a database's schema up to date: an empty database,
// an older one, or one that it adopts, where another service made the tables and
// wrote messages without numbers.
//
// The SQL is embedded, one directory a dialect, and goose runs it, each step in a
// transaction of its own. Steps only add: tables, columns and indexes that are
// missing. They never drop or change what an application made.
//
// Caravan's tables refer to each other and to the application's without foreign
// keys: the store checks rooms, senders and originals itself, under the rooms'
// locks, and the application may delete its rows as it likes. (Three foreign keys
// on chat_messages cost as much again as the insert itself.)
//
// Numbering an adopted chat_messages writes every row once. On PostgreSQL the service
// that made it writes on meanwhile, and afterwards until it is ended (number_postgres.go).
package migrations
