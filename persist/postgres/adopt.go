package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// roomNames are the columns of chat_rooms that Caravan fills in.
var roomNames = []string{"id", "trip_id", "created_at", "last_seq"}

// foreignNames are the columns that Caravan reads of the application's own tables.
var foreignNames = map[string][]string{
	"users":         {"id", "email", "username", "first_name", "last_name"},
	"trips":         {"id", "title"},
	"collaborators": {"trip_id", "user_id"},
}

// ownNames are the columns of Caravan's further tables: an application may have had one of that
// name before.
var ownNames = map[string][]string{
	"chat_events":        {"chat_room_id", "seq", "id", "kind", "message_id", "actor_id", "at"},
	"chat_reactions":     {"message_id", "user_id", "emoji", "shown", "created_at"},
	"chat_summaries_due": {"message_id", "chat_room_id", "due_at"},
	"chat_mentions":      {"user_id", "chat_room_id", "seq"},
	"chat_attachments": {"id", "chat_room_id", "uploader_id", "message_id", "state", "store_key", "preview_key", "name", "mime", "size", "width", "height", "sha256",
		"created_at", "leased_until"},
	"chat_seen":         {"user_id", "last_seen"},
	"chat_numbers":      {"xact", "chat_room_id", "seq"},
	"chat_numbers_kept": {"one", "id", "pruned"},
	"chat_reads":        {"chat_room_id", "user_id", "read_seq", "notified_seq", "updated_at"},
}

// findUnfilled returns the columns of a table, $1, that must have a value where Caravan gives
// none: those of its own, $3, that it stores NULL in, and those beside its own, $2, that have no
// default. It tells whether a trigger may give the value.
const findUnfilled = `SELECT a.attname::text, EXISTS (
		SELECT FROM pg_trigger g WHERE g.tgrelid = a.attrelid AND NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgtype::integer & 7 = 7)
	FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND (a.attnotnull OR t.typnotnull)
	AND (a.attname = ANY ($3::text[]) OR
		a.attname <> ALL ($2::text[]) AND NOT a.atthasdef AND t.typdefault IS NULL AND a.attidentity = '')
	ORDER BY a.attnum`

// findMissing returns those of the columns $2 that a table, if there is one, does not have.
const findMissing = `SELECT name FROM unnest($2::text[]) AS n(name) WHERE to_regclass($1) IS NOT NULL AND NOT EXISTS (
	SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attname = n.name AND a.attnum > 0 AND NOT a.attisdropped)`

// checkUnfilled refuses tables in which no row of Caravan's could be stored. It is called
// before anything is changed.
func (s *Store) checkUnfilled(ctx context.Context) error {
	for table, names := range writtenNames() {
		rows, err := s.readers.Query(ctx, findUnfilled, table, names, nullNames[table])
		if err != nil {
			return fault("migrate", err)
		}
		unfilled, err := pgx.CollectRows(rows, pgx.RowToStructByPos[unfilledColumn])
		if err != nil {
			return fault("migrate", err)
		}
		for _, column := range unfilled {
			if !column.Triggered {
				return fmt.Errorf("postgres: column %s of %s must have a value, and nobody gives it one: give it a default, or let it be null", column.Name, table)
			}
			s.log.Warn("a column must have a value, and has no default: a row is stored only where a trigger gives it one",
				"table", table, "column", column.Name)
		}
	}
	return nil
}

type unfilledColumn struct {
	Name      string
	Triggered bool // a trigger may give it a value
}

// idNames are the columns that hold ids, by table.
var idNames = map[string][]string{
	"users": {"id"}, "trips": {"id"}, "collaborators": {"trip_id", "user_id"}, "chat_rooms": {"id", "trip_id"},
	"chat_messages": {"id", "chat_room_id", "sender_id", "reply_to_id"},
}

// findOtherIDs returns those of the columns $2 of a table, $1, that are neither of type uuid
// nor of a domain over it, and their types.
const findOtherIDs = `SELECT a.attname::text, format_type(a.atttypid, a.atttypmod)
	FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY ($2::text[])
	AND 'uuid'::regtype NOT IN (t.oid, t.typbasetype)
	ORDER BY a.attnum`

// checkIDs refuses tables whose ids are no UUIDs. It is called before anything is changed.
func (s *Store) checkIDs(ctx context.Context) error {
	for _, table := range slices.Sorted(maps.Keys(idNames)) {
		rows, err := s.readers.Query(ctx, findOtherIDs, table, idNames[table])
		if err != nil {
			return fault("migrate", err)
		}
		others, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Name, Type string }])
		if err != nil {
			return fault("migrate", err)
		}
		if len(others) > 0 {
			return fmt.Errorf("postgres: column %s of %s is of type %s: ids must be of type uuid", others[0].Name, table, others[0].Type)
		}
	}
	return nil
}

// checkMissing refuses tables that lack a column. It is called when the schema is up to date.
func (s *Store) checkMissing(ctx context.Context) error {
	needed := writtenNames()
	maps.Copy(needed, foreignNames)
	maps.Copy(needed, ownNames)
	for table, names := range needed {
		rows, err := s.readers.Query(ctx, findMissing, table, names)
		if err != nil {
			return fault("migrate", err)
		}
		missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fault("migrate", err)
		}
		if len(missing) > 0 {
			return fmt.Errorf("postgres: %s has no column %s", table, missing[0])
		}
	}
	return nil
}

// nullNames are the columns that Caravan stores NULL in, by table.
var nullNames = map[string][]string{"chat_rooms": {}, "chat_messages": names(func(c column) bool { return c.null })}

// writtenNames are the columns that Caravan fills in, by table.
func writtenNames() map[string][]string {
	return map[string][]string{"chat_rooms": roomNames, "chat_messages": names(func(column) bool { return true })}
}

// names are those of the columns of chat_messages for which that is so.
func names(so func(column) bool) (all []string) {
	for _, c := range messageTable {
		if so(c) {
			all = append(all, c.name)
		}
	}
	return all
}
