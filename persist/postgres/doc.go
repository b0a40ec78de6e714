// Package postgres keeps rooms and messages in PostgreSQL 15 or later, through
// pgx.
//
// A batch is written by one transaction, in two round trips (append.go). The first
// locks the rooms and reads what must be known (lookup.go). The second has the rows
// and the COMMIT (write.go). Many rows take one more, for COPY (copy.go). A batch of one
// plain message takes one statement (express.go).
//
// Where the answer to a COMMIT is lost, its outcome is looked up before anything is
// said (outcome.go). No commit counts before the synchronous standbys have it
// (commit.go). What an error means for the batch stands in errors.go.
//
// Every read is one statement, so one snapshot (read.go, walk.go, access.go, rooms.go).
//
// Writers, readers, what clients ask to read and Ping have pools of their own, so that
// none waits behind another; no connection is used again unless it is known to be idle and outside a
// transaction. All calls end when their context does, also when the server hangs.
//
// Behind PgBouncer in transaction mode, set ignore_startup_parameters there to
// the names in sessionParameters, and either let it track prepared statements
// (1.21, max_prepared_statements) or add
// default_query_exec_mode=cache_describe to the URL. Migrate needs a session of its
// own: point `caravan migrate` at the server itself.
package postgres
