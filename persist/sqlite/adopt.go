package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// roomNames are the columns of chat_rooms that Caravan fills in.
var roomNames = []string{"id", "trip_id", "created_at", "last_seq"}

// findFull returns columns that must have a value, and whether they have a default. The key of
// a table with row ids is given by SQLite where it is an INTEGER.
const findFull = `SELECT lower(name), dflt_value IS NOT NULL FROM pragma_table_info(?) WHERE "notnull"
	AND NOT (pk = 1 AND upper(type) = 'INTEGER')`

// checkUnfilled refuses tables in which no row of Caravan's could be stored. It is called
// before anything is changed.
func checkUnfilled(ctx context.Context, db *sql.DB) error {
	for _, t := range filledTables() {
		columns, err := unfilled(ctx, db, t.name, t.written, t.null)
		if err != nil {
			return err
		}
		if len(columns) > 0 {
			return fmt.Errorf("column %s of %s must have a value, and nobody gives it one: give it a default, or let it be null", columns[0], t.name)
		}
	}
	return nil
}

// filledTable is a table that Caravan writes: the columns in which it stores a value, and NULL.
type filledTable struct {
	name          string
	written, null []string
}

func filledTables() []filledTable {
	null := names(func(c column) bool { return c.null })
	written := names(func(c column) bool { return !c.null })
	return []filledTable{{"chat_rooms", roomNames, nil}, {"chat_messages", written, null}}
}

// unfilled returns the columns that must have a value where Caravan gives none: it stores NULL
// in some, and does not know the others that it does not write.
func unfilled(ctx context.Context, db *sql.DB, table string, written, null []string) (unfilled []string, err error) {
	rows, err := db.QueryContext(ctx, findFull, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var byDefault bool
		if err := rows.Scan(&name, &byDefault); err != nil {
			return nil, err
		}
		if slices.Contains(null, name) || !byDefault && !slices.Contains(written, name) {
			unfilled = append(unfilled, name)
		}
	}
	return unfilled, rows.Err()
}

// readNames are the columns that Caravan reads and writes, by table.
var readNames = []struct {
	table   string
	columns []string
}{
	{"users", []string{"id", "email", "username", "first_name", "last_name"}},
	{"trips", []string{"id", "title"}},
	{"collaborators", []string{"trip_id", "user_id"}},
	{"chat_rooms", roomNames},
	{"chat_messages", names(func(column) bool { return true })},
}

// checkMissing refuses tables that lack a column. It is called when the schema is up to date.
func checkMissing(ctx context.Context, db *sql.DB) error {
	for _, t := range readNames {
		for _, column := range t.columns {
			var exists bool
			err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?) WHERE name = ? COLLATE NOCASE)", t.table, column).Scan(&exists)
			if err != nil {
				return err
			}
			if !exists {
				return fmt.Errorf("%s has no column %s", t.table, column)
			}
		}
	}
	return nil
}

// idColumns are the columns of the application's own tables that hold ids.
var idColumns = []struct{ table, column string }{
	{"users", "id"}, {"trips", "id"}, {"collaborators", "trip_id"}, {"collaborators", "user_id"},
}

// findUnreadable tells whether a table has ids and none in the form that Caravan compares
// them in. A table without rows counts as one where its column is made for ids without hyphens.
const findUnreadable = `SELECT NOT EXISTS (SELECT 1 FROM %[1]s
		WHERE %[2]s GLOB '????????-????-????-????-????????????' AND %[2]s = lower(%[2]s))
	AND (?1 LIKE '%%char(32)' OR EXISTS (SELECT 1 FROM %[1]s WHERE %[2]s IS NOT NULL))`

// checkIDs refuses tables in which Caravan would find nobody. It is called before anything is
// changed. One readable row is enough: odd rows beside it are no reason to serve nobody.
func checkIDs(ctx context.Context, db *sql.DB) error {
	for _, c := range idColumns {
		unreadable, err := unreadableIDs(ctx, db, c.table, c.column)
		if err != nil {
			return err
		}
		if unreadable {
			return fmt.Errorf("column %s of %s does not hold UUIDs as lower-case text with hyphens: Caravan reads no other ids in SQLite", c.column, c.table)
		}
	}
	return nil
}

// unreadableIDs tells whether a table has ids in that column, and none that Caravan can read.
func unreadableIDs(ctx context.Context, db *sql.DB, table, column string) (unreadable bool, err error) {
	var declared string
	exists, err := scanRow(db.QueryRowContext(ctx, "SELECT type FROM pragma_table_info(?) WHERE name = ? COLLATE NOCASE", table, column), &declared)
	if err != nil || !exists {
		return false, err
	}
	err = db.QueryRowContext(ctx, fmt.Sprintf(findUnreadable, table, column), declared).Scan(&unreadable)
	return unreadable, err
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
