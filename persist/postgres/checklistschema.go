package postgres

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/migrations"
	"github.com/caravan-chat/caravan/persist"
)

func (c *checking) schema(ctx context.Context, tx pgx.Tx) error {
	var there bool
	if err := row(ctx, tx, "SELECT to_regclass('caravan_schema_version') IS NOT NULL", nil, &there); err != nil {
		return err
	}
	newest := migrations.Newest(migrations.Postgres)
	var version int64
	if there {
		err := row(ctx, tx, "SELECT coalesce(max(version_id), 0) FROM caravan_schema_version WHERE is_applied", nil, &version)
		if err != nil {
			return err
		}
	}
	switch {
	case version > newest:
		c.blocks("schema", "use a newer program", "the schema is at version %d, and this program knows up to %d", version, newest)
	case version < newest:
		c.look("schema", "", "the schema is at version %d: `caravan migrate`, or the start, brings it to %d", version, newest)
	default:
		c.found.Add(persist.Good, "schema", "", "up to date, version %d", version)
	}
	return c.cluster(ctx, tx)
}

// cluster looks whether the database was moved.
func (c *checking) cluster(ctx context.Context, tx pgx.Tx) error {
	var noted bool
	err := row(ctx, tx, `SELECT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass('chat_deployment') AND a.attname = 'cluster' AND NOT a.attisdropped)
		AND coalesce(has_function_privilege('pg_control_system()', 'EXECUTE'), false)`, nil, &noted)
	if err != nil || !noted {
		return err
	}
	var elsewhere bool
	err = row(ctx, tx, `SELECT coalesce((SELECT cluster FROM chat_deployment ORDER BY id LIMIT 1) <> (SELECT system_identifier FROM pg_control_system()), false)`, nil, &elsewhere)
	if err == nil && elsewhere && !c.moved {
		c.blocks("schema", "caravan migrate --moved, if it was moved or copied here on purpose", "the database comes from another cluster of PostgreSQL")
	}
	return err
}

// neededFromOthers are the columns that an application's tables have, and that nobody adds.
func neededFromOthers() map[string][]string {
	needed := writtenNames()
	for table, added := range typesNeeded {
		needed[table] = slices.DeleteFunc(slices.Clone(needed[table]), func(name string) bool { _, ours := added[name]; return ours })
	}
	maps.Copy(needed, foreignNames)
	maps.Copy(needed, ownNames)
	return needed
}

func (c *checking) columns(ctx context.Context, tx pgx.Tx) error {
	needed := neededFromOthers()
	for _, table := range slices.Sorted(maps.Keys(needed)) {
		missing, err := countedRows(ctx, tx, strings.Replace(findMissing, "SELECT name", "SELECT name, 0::bigint", 1), table, needed[table])
		if err != nil {
			return err
		}
		for _, column := range missing {
			if _, own := ownNames[table]; own {
				c.blocks("columns", "rename that table", "%s is a table of Caravan's, and one is there that has no column %s", table, column.Text)
				continue
			}
			c.blocks("columns", fmt.Sprintf("add it, or show the table under that name by a view with a column %s", column.Text), "%s has no column %s", table, column.Text)
		}
	}
	var roleless bool
	err := row(ctx, tx, `SELECT to_regclass('collaborators') IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute a
		WHERE a.attrelid = to_regclass('collaborators') AND a.attname = 'role' AND NOT a.attisdropped)`, nil, &roleless)
	if err == nil && roleless {
		c.look("columns", "", "collaborators has no column role: nobody may moderate or mention all")
	}
	return err
}

// otherTypes are the types that the columns may have which an application's tables have, beside ids.
var otherTypes = map[string]map[string][]string{
	"chat_messages": {
		"is_edited": {"boolean"}, "created_at": {"timestamp with time zone", "timestamp without time zone"},
		"updated_at": {"timestamp with time zone", "timestamp without time zone"},
	},
	"chat_rooms": {"created_at": {"timestamp with time zone", "timestamp without time zone"}},
}

func (c *checking) types(ctx context.Context, tx pgx.Tx) error {
	for _, table := range slices.Sorted(maps.Keys(idNames)) {
		rows, err := tx.Query(ctx, findOtherIDs, table, idNames[table])
		if err != nil {
			return err
		}
		others, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Name, Type string }])
		if err != nil {
			return err
		}
		for _, o := range others {
			c.blocks("types", fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s TYPE uuid USING %s::uuid;", table, o.Name, o.Name), "column %s of %s is of type %s: ids must be of type uuid", o.Name, table, o.Type)
		}
	}
	for _, needs := range []map[string]map[string][]string{typesNeeded, otherTypes} {
		for _, table := range slices.Sorted(maps.Keys(needs)) {
			if err := c.typesOf(ctx, tx, table, needs[table]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *checking) typesOf(ctx context.Context, tx pgx.Tx, table string, needed map[string][]string) error {
	rows, err := tx.Query(ctx, findTypes, table, slices.Sorted(maps.Keys(needed)))
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[foundColumn])
	if err != nil {
		return err
	}
	for _, column := range found {
		switch types := needed[column.Name]; {
		case !slices.Contains(types, column.Base):
			c.blocks("types", "rename it, or change its type", "column %s of %s is of type %s, and Caravan needs %s", column.Name, table, column.Type, strings.Join(types, " or "))
		case column.Nullable && slices.Contains(neverNull, column.Name):
			c.blocks("types", fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL;", table, column.Name), "column %s of %s may be null", column.Name, table)
		}
	}
	return nil
}

func (c *checking) defaults(ctx context.Context, tx pgx.Tx) error {
	written := writtenNames()
	for _, table := range slices.Sorted(maps.Keys(written)) {
		rows, err := tx.Query(ctx, findUnfilled, table, written[table], nullNames[table])
		if err != nil {
			return err
		}
		unfilled, err := pgx.CollectRows(rows, pgx.RowToStructByPos[unfilledColumn])
		if err != nil {
			return err
		}
		for _, column := range unfilled {
			do := fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT …;  or DROP NOT NULL", table, column.Name)
			if column.Triggered {
				c.look("defaults", do, "column %s of %s must have a value, which a trigger may give it, or not", column.Name, table)
				continue
			}
			c.blocks("defaults", do, "column %s of %s must have a value, and nobody gives it one", column.Name, table)
		}
	}
	return nil
}

// wantedIndexes are those that adopted tables need, as 00001 makes them.
var wantedIndexes = []struct {
	table, columns string
	unique         bool
	why            string
}{
	{"chat_messages", "id", true, "each change, reply and reaction needs"},
	{"chat_rooms", "trip_id", true, "each connect needs"},
	{"collaborators", "user_id", false, "GET rooms/ and each look at a user's rights need"},
	{"collaborators", "trip_id,user_id", false, "each connect, and each page of members/, needs"},
}

func (c *checking) indexes(ctx context.Context, tx pgx.Tx) error {
	for _, w := range wantedIndexes {
		var there, table bool
		err := row(ctx, tx, `SELECT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = to_regclass($1) AND i.indisvalid AND i.indpred IS NULL
				AND (NOT $3 OR i.indisunique AND i.indnkeyatts = cardinality($2::text[]))
				AND $2::text[] = (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(i.indkey::smallint[]) WITH ORDINALITY k(attnum, n)
					JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.n <= cardinality($2::text[]))),
			coalesce((SELECT relkind IN ('r', 'p') FROM pg_class WHERE oid = to_regclass($1)), true)`,
			[]any{w.table, strings.Split(w.columns, ","), w.unique}, &there, &table)
		if err != nil {
			return err
		}
		var exists bool
		if err := row(ctx, tx, "SELECT to_regclass($1) IS NOT NULL", []any{w.table}, &exists); err != nil {
			return err
		}
		kind, columns := "", strings.ReplaceAll(w.columns, ",", ", ")
		if w.unique {
			kind = "UNIQUE "
		}
		switch {
		case there || !exists:
		case !table:
			c.look("indexes", "see that the table behind it has one", "%s is a view: %s an index on (%s)", w.table, w.why, columns)
		default:
			c.look("indexes", fmt.Sprintf("CREATE %sINDEX CONCURRENTLY ON %s (%s);", kind, w.table, columns), "%s has no %sindex on (%s), which %s", w.table, strings.ToLower(kind), columns, w.why)
		}
	}
	return nil
}

func (c *checking) triggers(ctx context.Context, tx pgx.Tx) error {
	found, err := countedRows(ctx, tx, `SELECT t.tgname::text, 0::bigint FROM pg_trigger t WHERE t.tgrelid = to_regclass('chat_messages') AND NOT t.tgisinternal AND t.tgenabled <> 'D' ORDER BY 1`)
	for _, t := range found {
		switch {
		case t.Text == "caravan_number":
			c.look("triggers", "when the other service has ended: DROP TRIGGER caravan_number ON chat_messages;", "messages of the service that Caravan replaces get their numbers by a trigger")
		case !strings.HasPrefix(t.Text, "caravan_"):
			c.look("triggers", "see what it does for each message, and for each of them once when they get their numbers", "chat_messages has the trigger %s", t.Text)
		}
	}
	return cmp.Or(err, c.noteTriggers(ctx, tx))
}

// noteTriggers looks whether those fire that note which rooms' numbers were written.
func (c *checking) noteTriggers(ctx context.Context, tx pgx.Tx) error {
	var noted bool
	var off []string
	if err := row(ctx, tx, rightsNoted, nil, &noted); err != nil {
		return err
	}
	if noted {
		if err := row(ctx, tx, "SELECT "+rightsOff, nil, &off); err != nil {
			return err
		}
		if len(off) > 0 {
			c.look("triggers", "caravan migrate --rights-triggers make, for psql", "of the triggers that note changed rights those on %s are off or gone, or do not see all: all members are looked at each time", strings.Join(off, ", "))
		}
	}
	there, err := numbersThere(ctx, tx)
	if err != nil || !there {
		return err
	}
	if err := row(ctx, tx, "SELECT "+triggersOff, nil, &off); err != nil {
		return err
	}
	if len(off) > 0 {
		c.look("triggers", enableTriggers(off), "of the triggers on chat_rooms %s are off or gone: all rooms are compared every five seconds", strings.Join(off, ", "))
	}
	return nil
}

// noteRights looks whether a node may read and delete what those triggers note.
func (c *checking) noteRights(ctx context.Context, tx pgx.Tx, role string) error {
	there, err := numbersThere(ctx, tx)
	if err != nil || !there {
		return err
	}
	var may bool
	err = row(ctx, tx, `SELECT bool_and(has_table_privilege(t, p)) FROM unnest('{chat_numbers,chat_numbers_kept}'::text[]) AS t, unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS p`, nil, &may)
	if err == nil && !may {
		c.look("permissions", grantNotes("chat_numbers", role), "the role %s may not read or delete all that is noted of rooms' numbers: all rooms are compared every five seconds, or chat_numbers grows", role)
	}
	return err
}

// numbersThere reports whether there are the tables of version 18.
func numbersThere(ctx context.Context, tx pgx.Tx) (there bool, err error) {
	err = row(ctx, tx, "SELECT to_regclass('chat_numbers') IS NOT NULL AND to_regclass('chat_numbers_kept') IS NOT NULL AND to_regclass('chat_rooms') IS NOT NULL", nil, &there)
	return there, err
}
