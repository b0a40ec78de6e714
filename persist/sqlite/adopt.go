package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// roomNames are the columns of chat_rooms that Caravan fills in.
var roomNames = []string{"id", "trip_id", "created_at", "last_seq"}

// findUnfilled returns columns that must have a value and have no default. The key of
// a table with row ids is given by SQLite where it is an INTEGER.
const findUnfilled = `SELECT name FROM pragma_table_info(?) WHERE "notnull" AND dflt_value IS NULL
	AND NOT (pk = 1 AND upper(type) = 'INTEGER')`

// checkUnfilled refuses tables in which no row of Caravan's could be stored. It is called
// before anything is changed.
func checkUnfilled(ctx context.Context, db *sql.DB) error {
	for table, names := range map[string][]string{"chat_rooms": roomNames, "chat_messages": messageNames()} {
		rows, err := db.QueryContext(ctx, findUnfilled, table)
		if err != nil {
			return err
		}
		columns, err := collect(rows)
		if err != nil {
			return err
		}
		for _, column := range columns {
			if !slices.Contains(names, strings.ToLower(column)) {
				return fmt.Errorf("column %s of %s must have a value, and nobody gives it one: give it a default, or let it be null", column, table)
			}
		}
	}
	return nil
}

func messageNames() (names []string) {
	for _, c := range messageTable {
		names = append(names, c.name)
	}
	return names
}

func collect(rows *sql.Rows) (names []string, err error) {
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
