package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/caravan-chat/caravan/migrations"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// checking looks at a file that it may only read.
type checking struct {
	db    *sql.DB
	roles protocol.Roles
	found persist.Checklist
}

// Check says of a file all that is in the way of Caravan, and what its operator should know. It
// changes nothing. An error means that the file could not be asked at all.
func Check(ctx context.Context, path string, roles protocol.Roles) (found persist.Checklist, err error) {
	switch _, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		found.Add(persist.Look, "file", "", "%s is not there: `caravan migrate`, or the start, makes it", path)
		return found, nil
	case err != nil:
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	query := url.Values{"mode": {"ro"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "query_only(ON)"}}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c := &checking{db: db, roles: roles}
	for _, check := range []struct {
		about, good string
		look        func(*checking, context.Context) error
	}{
		{"file", "whole", (*checking).file},
		{"schema", "", (*checking).schema},
		{"columns", "all are there", (*checking).columns},
		{"types", "as they must be", (*checking).types},
		{"defaults", "a row of Caravan's can be stored", (*checking).defaults},
		{"nulls", "none where they harm", asking(persist.NullQuestions)},
		{"duplicates", "none", asking(persist.DuplicateQuestions)},
		{"roles", "all are in --roles, or a member's", (*checking).rolesGiven},
		{"orphans", "none", asking(persist.OrphanQuestions)},
		{"indexes", "all are there", (*checking).indexes},
	} {
		if err := check.look(c, ctx); err != nil {
			if ctx.Err() != nil || check.about == "file" {
				return nil, fmt.Errorf("sqlite: check %s: %w", path, err)
			}
			c.found.Add(persist.Blocks, check.about, "", "it cannot be looked at: %v", err)
		} else if check.good != "" {
			c.found.GoodUnlessFound(check.about, check.good)
		}
	}
	return c.found, nil
}

// asking looks at rows.
func asking(questions []persist.RowQuestion) func(*checking, context.Context) error {
	return func(c *checking, ctx context.Context) error {
		for _, q := range questions {
			there, err := c.haveColumns(ctx, q.Columns)
			if err != nil {
				return err
			}
			if !there {
				continue
			}
			var n int64
			if err := c.db.QueryRowContext(ctx, "SELECT count(*) "+q.Count).Scan(&n); err != nil {
				return err
			}
			if n > 0 {
				c.found.Add(q.Level, q.About, q.Do, q.Text, n)
			}
		}
		return nil
	}
}

// haveColumns says whether all of those columns are there, written as table.column.
func (c *checking) haveColumns(ctx context.Context, columns string) (bool, error) {
	for column := range strings.FieldsSeq(columns) {
		table, name, _ := strings.Cut(column, ".")
		var there bool
		err := c.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?) WHERE name = ? COLLATE NOCASE)", table, name).Scan(&there)
		if err != nil || !there {
			return false, err
		}
	}
	return true, nil
}

func (c *checking) file(ctx context.Context) error {
	var whole, encoding string
	if err := c.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&whole); err != nil {
		return err
	}
	if whole != "ok" {
		c.found.Add(persist.Blocks, "file", "restore a backup, or sqlite3 FILE .recover", "the file is damaged: %s", whole)
	}
	if err := c.db.QueryRowContext(ctx, "PRAGMA encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF-8" {
		c.found.Add(persist.Look, "file", "", "its text is %s, which takes twice the room", encoding)
	}
	return nil
}

func (c *checking) schema(ctx context.Context) error {
	var version int64
	there, err := c.haveColumns(ctx, "caravan_schema_version.version_id")
	if err == nil && there {
		err = c.db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM caravan_schema_version WHERE is_applied").Scan(&version)
	}
	if err != nil {
		return err
	}
	switch newest := migrations.Newest(migrations.SQLite); {
	case version > newest:
		c.found.Add(persist.Blocks, "schema", "use a newer program", "the schema is at version %d, and this program knows up to %d", version, newest)
	case version < newest:
		c.found.Add(persist.Look, "schema", "", "the schema is at version %d: `caravan migrate`, or the start, brings it to %d", version, newest)
	default:
		c.found.Add(persist.Good, "schema", "", "up to date, version %d", version)
	}
	return nil
}

func (c *checking) columns(ctx context.Context) error {
	for _, t := range readNames {
		there, err := c.isThere(ctx, t.table)
		if err != nil {
			return err
		}
		for _, column := range t.columns {
			if !there || added(t.table, column) {
				continue
			}
			switch has, err := c.haveColumns(ctx, t.table+"."+column); {
			case err != nil:
				return err
			case !has:
				c.found.Add(persist.Blocks, "columns", "add it, or show the table under that name by a view with a column "+column, "%s has no column %s", t.table, column)
			}
		}
	}
	there, err := c.isThere(ctx, "collaborators")
	if err != nil || !there {
		return err
	}
	if has, err := c.haveColumns(ctx, "collaborators.role"); err != nil || has {
		return err
	}
	c.found.Add(persist.Look, "columns", "", "collaborators has no column role: nobody may moderate or mention all")
	return nil
}

// added says whether Caravan adds the column itself.
func added(table, column string) bool {
	for _, a := range addedColumns {
		if a.table == table && a.column == column {
			return true
		}
	}
	return false
}

func (c *checking) isThere(ctx context.Context, table string) (there bool, err error) {
	err = c.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?))", table).Scan(&there)
	return there, err
}

func (c *checking) types(ctx context.Context) error {
	for _, a := range addedColumns {
		var declared string
		switch err := c.db.QueryRowContext(ctx, "SELECT type FROM pragma_table_info(?) WHERE name = ? COLLATE NOCASE", a.table, a.column).Scan(&declared); {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		case !declaredAs(declared, a.types):
			c.found.Add(persist.Blocks, "types", "rename it", "column %s of %s is of type %s, and Caravan needs %s", a.column, a.table, declared, a.types[0])
		}
	}
	for _, id := range idColumns {
		found, err := unreadableIDs(ctx, c.db, id.table, id.column)
		if err != nil {
			return err
		}
		if found {
			c.found.Add(persist.Blocks, "types", "write the ids as lower-case text with hyphens, or move to PostgreSQL: Django writes them to SQLite without hyphens",
				"column %s of %s does not hold UUIDs as lower-case text with hyphens", id.column, id.table)
		}
	}
	return nil
}

func (c *checking) defaults(ctx context.Context) error {
	for _, t := range filledTables() {
		columns, err := unfilled(ctx, c.db, t.name, t.written, t.null)
		if err != nil {
			return err
		}
		for _, column := range columns {
			c.found.Add(persist.Blocks, "defaults", "give it a default, or let it be null", "column %s of %s must have a value, and nobody gives it one", column, t.name)
		}
	}
	return nil
}

func (c *checking) rolesGiven(ctx context.Context) error {
	there, err := c.haveColumns(ctx, "collaborators.role")
	if err != nil || !there {
		return err
	}
	rows, err := c.db.QueryContext(ctx, "SELECT coalesce(CAST(role AS text), ''), count(*) FROM collaborators GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var role string
		var n int64
		if err := rows.Scan(&role, &n); err != nil {
			return err
		}
		if role != "member" {
			c.found.CheckRole(c.roles, role, n)
		}
	}
	return rows.Err()
}

// indexes looks for what 00001 does not make, as it makes that of users.
func (c *checking) indexes(ctx context.Context) error {
	var missing bool
	err := c.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'collaborators' COLLATE NOCASE)
		AND NOT EXISTS (SELECT 1 FROM pragma_index_list('collaborators') l WHERE NOT l.partial
			AND EXISTS (SELECT 1 FROM pragma_index_info(l.name) i WHERE i.seqno = 0 AND i.name = 'trip_id' COLLATE NOCASE)
			AND EXISTS (SELECT 1 FROM pragma_index_info(l.name) i WHERE i.seqno = 1 AND i.name = 'user_id' COLLATE NOCASE))`).Scan(&missing)
	if err == nil && missing {
		c.found.Add(persist.Look, "indexes", "CREATE INDEX collaborators_trip_user ON collaborators (trip_id, user_id);",
			"collaborators has no index on (trip_id, user_id), which each connect, and each page of members/, needs")
	}
	return err
}
