package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// addedColumns are the columns that Caravan adds to adopted tables, with words of which the
// declared type has one, in upper case: one of them may be there already, and mean something
// else. A column without a type holds anything. The first is what Caravan would add.
var addedColumns = []struct {
	table, column string
	types         []string
}{
	{"chat_rooms", "last_seq", []string{"INTEGER", "INT"}},
	{"chat_rooms", "first_seq", []string{"INTEGER", "INT"}},
	{"chat_rooms", "slow_mode", []string{"INTEGER", "INT"}},
	{"chat_messages", "seq", []string{"INTEGER", "INT"}},
	{"chat_messages", "rev", []string{"INTEGER", "INT"}},
	{"chat_messages", "client_id", []string{"TEXT", "CHAR"}},
	{"chat_messages", "client_key", []string{"INTEGER", "INT"}},
	{"chat_messages", "deleted_at", []string{"TEXT", "CHAR", "DATETIME", "TIMESTAMP"}},
	{"chat_messages", "pinned_at", []string{"TEXT", "CHAR", "DATETIME", "TIMESTAMP"}},
	{"chat_messages", "extra", []string{"TEXT", "CHAR", "JSON"}},
}

// checkTypes refuses tables that have a column of Caravan's with another type. It is called
// before anything is changed.
func checkTypes(ctx context.Context, db *sql.DB) error {
	for _, c := range addedColumns {
		var declared string
		exists, err := scanRow(db.QueryRowContext(ctx, "SELECT type FROM pragma_table_info(?) WHERE name = ? COLLATE NOCASE", c.table, c.column), &declared)
		if err != nil {
			return err
		}
		if exists && !declaredAs(declared, c.types) {
			return fmt.Errorf("column %s of %s is of type %s, and Caravan needs %s: rename it, or change its type", c.column, c.table, declared, c.types[0])
		}
	}
	return nil
}

// declaredAs reports whether a declared type has one of the words, or says nothing.
func declaredAs(declared string, words []string) bool {
	for _, word := range words {
		if strings.Contains(strings.ToUpper(declared), word) {
			return true
		}
	}
	return declared == ""
}
