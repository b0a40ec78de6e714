package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// checking looks at a database in transactions that may only read.
type checking struct {
	conn  *pgx.Conn
	roles protocol.Roles
	moved bool // it may come from another cluster
	found persist.Checklist
}

// Check says of a database all that is in the way of Caravan, and what its operator should know. It
// changes nothing. An error means that the database could not be asked at all. Tables are read
// whole, so it takes seconds where there are millions of messages.
func Check(ctx context.Context, cfg Config, roles protocol.Roles) (persist.Checklist, error) {
	pool, err := parseURL(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("postgres: the URL %w", err)
	}
	maps.Copy(pool.ConnConfig.RuntimeParams, fixedParameters)
	if pool.ConnConfig.ConnectTimeout == 0 {
		pool.ConnConfig.ConnectTimeout = connectTimeout
	}
	conn, err := pgx.ConnectConfig(ctx, pool.ConnConfig)
	if err != nil {
		return nil, fault("check", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing is under way on it
	c := &checking{conn: conn, roles: roles, moved: cfg.Moved}
	for _, check := range []struct {
		about, good string
		look        func(*checking, context.Context, pgx.Tx) error
	}{
		{"server", "takes writes, and has what is needed", (*checking).server},
		{"encoding", "UTF8", (*checking).encoding},
		{"collation", "as the operating system has it", (*checking).collation},
		{"search_path", "the tables are found", (*checking).searchPath},
		{"permissions", "the role may do what is needed", (*checking).permissions},
		{"schema", "", (*checking).schema},
		{"columns", "all are there", (*checking).columns},
		{"types", "as they must be", (*checking).types},
		{"defaults", "a row of Caravan's can be stored", (*checking).defaults},
		{"nulls", "none where they harm", asking(persist.NullQuestions)},
		{"duplicates", "none", asking(persist.DuplicateQuestions)},
		{"roles", "all are in --roles, or a member's", (*checking).rolesGiven},
		{"orphans", "none", asking(persist.OrphanQuestions)},
		{"indexes", "all are there", (*checking).indexes},
		{"triggers", "none of an application's on chat_messages", (*checking).triggers},
		{"transactions", "none is long", (*checking).transactions},
		{"size", "", (*checking).size},
	} {
		err := pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10s'"); err != nil {
				return err
			}
			return check.look(c, ctx, tx)
		})
		switch {
		case ctx.Err() != nil || conn.IsClosed():
			return nil, fault("check", errors.Join(err, ctx.Err()))
		case err != nil:
			c.found.Add(persist.Blocks, check.about, "", "it cannot be looked at: %v", err)
		case check.good != "":
			c.found.GoodUnlessFound(check.about, check.good)
		}
	}
	return c.found, nil
}

// blocks and look add a finding.
func (c *checking) blocks(about, do, format string, args ...any) {
	c.found.Add(persist.Blocks, about, do, format, args...)
}

func (c *checking) look(about, do, format string, args ...any) {
	c.found.Add(persist.Look, about, do, format, args...)
}

// asking looks at rows.
func asking(questions []persist.RowQuestion) func(*checking, context.Context, pgx.Tx) error {
	return func(c *checking, ctx context.Context, tx pgx.Tx) error { return c.rows(ctx, tx, questions) }
}

// row reads the one row of an answer.
func row(ctx context.Context, tx pgx.Tx, sql string, args []any, into ...any) error {
	return tx.QueryRow(ctx, sql, args...).Scan(into...)
}

// countedRows reads rows of a text and a number.
func countedRows(ctx context.Context, tx pgx.Tx, sql string, args ...any) (all []counted, err error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[counted])
}

type counted struct {
	Text string
	N    int64
}

// versionLeast is the oldest version of PostgreSQL that is tested.
const versionLeast = 150000

func (c *checking) server(ctx context.Context, tx pgx.Tx) error {
	var version, connections int
	var name, readOnly string
	var standby, language bool
	err := row(ctx, tx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_setting('max_connections')::int, pg_is_in_recovery(),
		coalesce((SELECT s.setting FROM pg_settings s WHERE s.name = 'default_transaction_read_only'), 'off'), EXISTS (SELECT FROM pg_language WHERE lanname = 'plpgsql')`,
		nil, &version, &name, &connections, &standby, &readOnly, &language)
	if err != nil {
		return err
	}
	if version < versionLeast {
		c.look("server", "upgrade it", "PostgreSQL %s is older than any that Caravan is tested with (15)", name)
	}
	if standby {
		c.blocks("server", "name the primary in --database", "it is a standby, and takes no writes")
	}
	if readOnly == "on" {
		c.blocks("server", "ALTER ROLE … or ALTER DATABASE … SET default_transaction_read_only = off", "default_transaction_read_only is on: nothing could be stored")
	}
	if !language {
		c.blocks("server", "CREATE EXTENSION plpgsql;", "the language plpgsql is not there, which migrations and triggers are written in")
	}
	if connections < 2*12 {
		c.look("server", "raise max_connections", "max_connections is %d: a node opens up to 12 with the default --writers", connections)
	}
	return nil
}

func (c *checking) encoding(ctx context.Context, tx pgx.Tx) error {
	var encoding string
	if err := row(ctx, tx, "SELECT current_setting('server_encoding')", nil, &encoding); err != nil {
		return err
	}
	switch encoding {
	case "UTF8":
	case "SQL_ASCII":
		c.look("encoding", "move to a database with ENCODING 'UTF8'", "the database is SQL_ASCII, which checks no text: rows in no encoding are shown with what can be read of them")
	default:
		c.look("encoding", "move to a database with ENCODING 'UTF8'", "the database is %s: messages with characters that it does not have are refused (invalid_content)", encoding)
	}
	return nil
}

func (c *checking) collation(ctx context.Context, tx pgx.Tx) error {
	var stale bool
	err := row(ctx, tx, `SELECT coalesce(datcollversion <> pg_database_collation_actual_version(oid), false) FROM pg_database WHERE datname = current_database()`, nil, &stale)
	if hasCode(err, codeNoFunction) || hasCode(err, codeNoColumn) { // before 15
		return nil
	}
	if err == nil && stale {
		c.look("collation", "REINDEX DATABASE; then ALTER DATABASE … REFRESH COLLATION VERSION",
			"the operating system sorts text otherwise than when the database was made: its indexes on text may miss rows")
	}
	return err
}

// foreignTables are the tables that an application may have.
var foreignTables = []string{"users", "trips", "collaborators", "chat_rooms", "chat_messages"}

func (c *checking) searchPath(ctx context.Context, tx pgx.Tx) error {
	var first *string
	var path string
	if err := row(ctx, tx, "SELECT current_schema(), current_setting('search_path')", nil, &first, &path); err != nil {
		return err
	}
	if first == nil {
		c.blocks("search_path", "add ?search_path=SCHEMA to the URL", "no schema of the search_path (%s) is there, or none that the role may use: nothing can be made", path)
		return nil
	}
	rows, err := tx.Query(ctx, `SELECT t.name, to_regclass(t.name) IS NOT NULL,
			ARRAY(SELECT n.nspname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
				WHERE c.relname = t.name AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND c.oid IS DISTINCT FROM to_regclass(t.name)
					AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1)
		FROM unnest($1::text[]) AS t(name)`, foreignTables)
	if err != nil {
		return err
	}
	var table string
	var found bool
	var elsewhere []string
	_, err = pgx.ForEachRow(rows, []any{&table, &found, &elsewhere}, func() error {
		switch {
		case len(elsewhere) == 0:
		case found, table == "users": // many programs have a table of that name
			c.look("search_path", "drop the one that is not meant, or change the search_path", "there is also a table %s in the schema %s, which is not used", table, elsewhere[0])
		default:
			c.blocks("search_path", "add ?search_path="+*first+","+elsewhere[0]+" to the URL",
				"%s is not found by the search_path (%s), but is in the schema %s: an empty one would be made", table, path, elsewhere[0])
		}
		return nil
	})
	return err
}

func (c *checking) permissions(ctx context.Context, tx pgx.Tx) error {
	var create bool
	var role string
	err := row(ctx, tx, `SELECT current_user::text, coalesce(has_schema_privilege(current_schema(), 'CREATE'), true)`, nil, &role, &create)
	if err != nil {
		return err
	}
	if !create {
		c.blocks("permissions", fmt.Sprintf("GRANT CREATE ON SCHEMA … TO %s;", pgx.Identifier{role}.Sanitize()), "the role %s may not make tables in the first schema of the search_path", role)
	}
	if err := c.owners(ctx, tx, role); err != nil {
		return err
	}
	if err := c.noteRights(ctx, tx, role); err != nil {
		return err
	}
	unread, err := countedRows(ctx, tx, `SELECT t.name, 0::bigint FROM unnest($1::text[]) AS t(name)
		WHERE to_regclass(t.name) IS NOT NULL AND NOT has_table_privilege(to_regclass(t.name), 'SELECT')`, foreignTables)
	if err != nil {
		return err
	}
	for _, t := range unread {
		c.blocks("permissions", fmt.Sprintf("GRANT SELECT ON %s TO %s;", t.Text, pgx.Identifier{role}.Sanitize()), "the role %s may not read %s", role, t.Text)
	}
	hidden, err := countedRows(ctx, tx, `SELECT t.name, 0::bigint FROM unnest($1::text[]) AS t(name) JOIN pg_class c ON c.oid = to_regclass(t.name)
		WHERE row_security_active(c.oid)`, foreignTables)
	if err != nil {
		return err
	}
	for _, t := range hidden {
		c.look("permissions", "give the role BYPASSRLS, or see that its policies show it all rows", "row-level security of %s may hide rows from the role %s", t.Text, role)
	}
	return c.functions(ctx, tx, role)
}

// owners looks at the tables that are changed.
func (c *checking) owners(ctx context.Context, tx pgx.Tx, role string) error {
	rows, err := tx.Query(ctx, `SELECT t.name, pg_get_userbyid(c.relowner)::text, pg_has_role(c.relowner, 'USAGE')
		FROM unnest(ARRAY['chat_rooms', 'chat_messages']) AS t(name) JOIN pg_class c ON c.oid = to_regclass(t.name)`)
	if err != nil {
		return err
	}
	var table, owner string
	var may bool
	_, err = pgx.ForEachRow(rows, []any{&table, &owner, &may}, func() error {
		switch {
		case !may:
			c.blocks("permissions", fmt.Sprintf("GRANT %s TO %s;", pgx.Identifier{owner}.Sanitize(), pgx.Identifier{role}.Sanitize()),
				"%s belongs to the role %s, and the role %s may not change its columns", table, owner, role)
		case owner != role && table == "chat_messages":
			c.look("permissions", "before the other service goes on: docs/adopting.md, Two roles",
				"%s belongs to the role %s: what Caravan adds belongs to %s, and whoever else writes messages needs rights to it", table, owner, role)
		}
		return nil
	})
	return err
}

// functions looks at what tells one primary from another.
func (c *checking) functions(ctx context.Context, tx pgx.Tx, role string) error {
	unusable, err := countedRows(ctx, tx, `SELECT f.name, 0::bigint FROM unnest(ARRAY['pg_walfile_name(pg_lsn)', 'pg_current_wal_lsn()', 'pg_control_system()']) AS f(name)
		WHERE NOT coalesce(has_function_privilege(f.name, 'EXECUTE'), false)`)
	for _, f := range unusable {
		c.look("permissions", fmt.Sprintf("GRANT EXECUTE ON FUNCTION %s TO %s;", f.Text, pgx.Identifier{role}.Sanitize()),
			"the role may not call %s: a former primary that lives, or another cluster, is not noticed", f.Text)
	}
	return err
}
