package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// typesNeeded are the types that the columns may have which Caravan adds to adopted tables: one of
// them may be there already, and mean something else. The first is what Caravan would add.
var typesNeeded = map[string]map[string][]string{
	"chat_rooms": {
		"last_seq": {"bigint", "integer"}, "first_seq": {"bigint", "integer"}, "slow_mode": {"integer", "bigint", "smallint"},
	},
	"chat_messages": {
		"seq": {"bigint", "integer"}, "rev": {"bigint", "integer"}, "client_id": {"text", "character varying"},
		"deleted_at": {"timestamp with time zone"}, "pinned_at": {"timestamp with time zone"}, "extra": {"jsonb"},
	},
}

// neverNull are those of them in which every row must have a value.
var neverNull = []string{"first_seq", "slow_mode"}

// findTypes returns the types of those of the columns $2 that a table, $1, has; of a domain
// what it is over. A length does not count.
const findTypes = `SELECT a.attname::text, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL), format_type(a.atttypid, a.atttypmod), NOT (a.attnotnull OR t.typnotnull)
	FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY ($2::text[])
	ORDER BY a.attnum`

// checkTypes refuses tables that have a column of Caravan's with another type. It is called
// before anything is changed.
func (s *Store) checkTypes(ctx context.Context) error {
	for _, table := range slices.Sorted(maps.Keys(typesNeeded)) {
		needed := typesNeeded[table]
		rows, err := s.readers.Query(ctx, findTypes, table, slices.Sorted(maps.Keys(needed)))
		if err != nil {
			return fault("migrate", err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[foundColumn])
		if err != nil {
			return fault("migrate", err)
		}
		for _, column := range found {
			switch types := needed[column.Name]; {
			case !slices.Contains(types, column.Base):
				return fmt.Errorf("postgres: column %s of %s is of type %s, and Caravan needs %s: rename it, or change its type",
					column.Name, table, column.Type, strings.Join(types, " or "))
			case column.Nullable && slices.Contains(neverNull, column.Name):
				return fmt.Errorf("postgres: column %s of %s may be null, and Caravan needs %s NOT NULL: rename it, or change its type", column.Name, table, types[0])
			}
		}
	}
	return nil
}

// foundColumn is a column as a table has it.
type foundColumn struct {
	Name, Base, Type string
	Nullable         bool
}
