package sqlite

import (
	"context"
	"database/sql"
	"strings"
)

// many is one statement for 1, 8 or 60 rows: to run a statement costs more than most rows. For more
// than 60 messages database/sql would make lists of more than 32 KiB, which are dear.
type many [len(manyRows)]*sql.Stmt

// manyRows are the numbers of rows, the greatest first.
var manyRows = [...]int{60, 8, 1}

// prepare prepares it. Its text has "(?)" where the rows stand, each of so many values.
func (m *many) prepare(ctx context.Context, db *sql.DB, text string, values int) error {
	row := "(?" + strings.Repeat(", ?", values-1) + ")"
	texts := make(map[**sql.Stmt]string, len(m))
	for i, rows := range manyRows {
		texts[&m[i]] = strings.Replace(text, "(?)", row+strings.Repeat(", "+row, rows-1), 1)
	}
	return prepare(ctx, db, texts)
}

// each runs it for n rows. values appends those of one row.
func (m *many) each(tx *sql.Tx, n int, values func(dst []any, row int) []any, run func(statement *sql.Stmt, values []any) error) error {
	var all []any
	row := 0
	for i, rows := range manyRows {
		if n-row < rows {
			continue
		}
		statement := tx.Stmt(m[i])
		for ; n-row >= rows; row += rows {
			all = all[:0]
			for r := range rows {
				all = values(all, row+r)
			}
			if err := run(statement, all); err != nil {
				return err
			}
		}
	}
	return nil
}

// exec is each for a statement that returns nothing.
func (m *many) exec(tx *sql.Tx, n int, values func(dst []any, row int) []any) error {
	return m.each(tx, n, values, func(statement *sql.Stmt, values []any) error {
		_, err := statement.Exec(values...)
		return err
	})
}

// query is each for a statement that returns rows, which scan reads one by one.
func (m *many) query(tx *sql.Tx, n int, values func(dst []any, row int) []any, scan func(*sql.Rows) error) error {
	return m.each(tx, n, values, func(statement *sql.Stmt, values []any) error {
		rows, err := statement.Query(values...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
