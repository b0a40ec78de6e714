package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ErrNoTriggers says that triggers cannot note whose rights may have changed.
var ErrNoTriggers = errors.New("no triggers can be made")

// findRightsTables tells of each table where it is, and whether triggers on it see all that is written
// to it: it is a table, and neither has parts nor is one.
const findRightsTables = `SELECT t.name, coalesce(n.nspname, ''), coalesce(c.relname, ''), coalesce(c.relkind::text, ''),
	coalesce(c.relkind = 'r' AND NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhparent, i.inhrelid)), false)
	FROM unnest($1::text[]) WITH ORDINALITY AS t(name, n) LEFT JOIN pg_class c ON c.oid = to_regclass(t.name) LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
	ORDER BY t.n`

// RightsTriggers returns the SQL by which an operator has the application's tables note whose rights may have
// changed, or takes that away. It is written for the database as it is, and changes nothing itself. Its error wraps
// ErrNoTriggers where the tables are not such that a trigger sees all.
func RightsTriggers(ctx context.Context, cfg Config, drop bool) (sql string, err error) {
	pool, err := parseURL(cfg.URL)
	if err != nil {
		return "", fmt.Errorf("postgres: the URL %w", err)
	}
	maps.Copy(pool.ConnConfig.RuntimeParams, fixedParameters)
	if pool.ConnConfig.ConnectTimeout == 0 {
		pool.ConnConfig.ConnectTimeout = connectTimeout
	}
	conn, err := pgx.ConnectConfig(ctx, pool.ConnConfig)
	if err != nil {
		return "", fault("triggers", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing is under way on it
	rows, err := conn.Query(ctx, findRightsTables, strings.Split(rightsNames(","), ","))
	if err != nil {
		return "", fault("triggers", err)
	}
	var t foundTable
	tables := make(map[string]foundTable, len(rightsTables))
	_, err = pgx.ForEachRow(rows, []any{&t.name, &t.schema, &t.table, &t.kind, &t.plain}, func() error {
		tables[t.name] = t
		return nil
	})
	if err != nil {
		return "", fault("triggers", err)
	}
	for _, of := range rightsTables {
		switch t := tables[of.name]; {
		case t.table == "":
			return "", fmt.Errorf("%w: there is no %s", ErrNoTriggers, of.name)
		case !t.plain && !drop:
			return "", fmt.Errorf("%w: %s is a view, or has parts or is one, so a trigger on it does not see all that is written: "+
				"all members are looked at each time", ErrNoTriggers, of.name)
		}
	}
	if drop {
		return dropRightsTriggers(tables), nil
	}
	return makeRightsTriggers(tables, pool.ConnConfig.User), nil
}

// foundTable is a table that a name finds.
type foundTable struct {
	name, schema, table, kind string
	plain                     bool
}

func (t *foundTable) quoted() string { return pgx.Identifier{t.schema, t.table}.Sanitize() }

// rightsTransaction begins what is printed. Who waits for a table holds up all who come after it, so it waits shortly.
const rightsTransaction = `BEGIN;
SET LOCAL lock_timeout = '500ms'; -- where that is over, nothing is done: try again

`

// rightsFunction is the body of the triggers' function. It names no column of the application's, so that
// the application may change them, and nothing in it fails for what a row holds.
const rightsFunction = `DECLARE
    before jsonb := CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN to_jsonb(OLD) END;
    after  jsonb := CASE WHEN TG_OP IN ('UPDATE', 'INSERT') THEN to_jsonb(NEW) END;
BEGIN
    -- The first two arguments name the columns that say who is meant, the others those that matter.
    IF TG_OP = 'UPDATE' AND NOT EXISTS (SELECT FROM unnest(TG_ARGV[2:]) AS c WHERE before->c IS DISTINCT FROM after->c) THEN
        RETURN NULL;
    END IF;
    INSERT INTO chat_rights (user_id, trip_id)
    SELECT DISTINCT r->>TG_ARGV[0], r->>TG_ARGV[1] FROM (VALUES (before), (after)) AS v(r) WHERE r IS NOT NULL;
    RETURN NULL;
END
`

// makeRightsTriggers is the SQL that has changes noted, for the role of the nodes.
func makeRightsTriggers(tables map[string]foundTable, role string) string {
	rooms := tables["chat_rooms"]
	beside := func(name string) string { return pgx.Identifier{rooms.schema, name}.Sanitize() }
	var b strings.Builder
	b.WriteString("-- Has Caravan look only at the rights of those whose rows were written. Run it as the owner of the tables.\n" +
		"-- It may be run again, and `caravan migrate --rights-triggers drop` prints how it is taken away.\n\n")
	b.WriteString(rightsTransaction)
	fmt.Fprintf(&b, `-- Whose rights may have changed, by which transaction. Nothing of it is worth the log: where it is emptied, all
-- members are looked at. Nodes delete rows after some minutes.

CREATE UNLOGGED TABLE IF NOT EXISTS %[1]s (
    xact    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    user_id text, -- NULL: everybody's
    trip_id text  -- NULL: in every trip
);
CREATE INDEX IF NOT EXISTS caravan_rights_xact ON %[1]s (xact);
CREATE UNLOGGED TABLE IF NOT EXISTS %[2]s (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    id     uuid    NOT NULL,
    pruned xid8    NOT NULL
);
DELETE FROM %[2]s; -- what was written without the triggers is not noted
GRANT SELECT, INSERT, UPDATE, DELETE ON %[1]s, %[2]s TO %[3]s;

-- The function has its owner's rights, so that whoever writes may note it, and looks into this schema alone.

CREATE OR REPLACE FUNCTION %[4]s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = %[6]s, pg_temp AS $$
%[7]s$$;
CREATE OR REPLACE FUNCTION %[5]s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = %[6]s, pg_temp AS $$
BEGIN
    DELETE FROM chat_rights_kept;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION %[4]s(), %[5]s() FROM PUBLIC;

`, beside("chat_rights"), beside("chat_rights_kept"), pgx.Identifier{role}.Sanitize(), beside(noteRight), beside(noteRightEmptied), pgx.Identifier{rooms.schema}.Sanitize(), rightsFunction)
	for _, of := range rightsTables {
		t := tables[of.name]
		fmt.Fprintf(&b, `DROP TRIGGER IF EXISTS %[2]s ON %[1]s;
DROP TRIGGER IF EXISTS %[3]s ON %[1]s;
CREATE TRIGGER %[2]s AFTER %[4]s ON %[1]s FOR EACH ROW EXECUTE FUNCTION %[5]s('%[6]s');
CREATE TRIGGER %[3]s AFTER TRUNCATE ON %[1]s FOR EACH STATEMENT EXECUTE FUNCTION %[7]s();
ALTER TABLE %[1]s ENABLE ALWAYS TRIGGER %[2]s, ENABLE ALWAYS TRIGGER %[3]s;

`, t.quoted(), noteRight, noteRightEmptied, of.when, beside(noteRight), strings.Join(append([]string{of.user, of.trip}, of.matter...), "', '"), beside(noteRightEmptied))
	}
	b.WriteString("COMMIT;\n")
	return b.String()
}

// dropRightsTriggers is the SQL that takes all that away.
func dropRightsTriggers(tables map[string]foundTable) string {
	rooms := tables["chat_rooms"]
	beside := func(name string) string { return pgx.Identifier{rooms.schema, name}.Sanitize() }
	var b strings.Builder
	b.WriteString(rightsTransaction)
	for _, of := range rightsTables {
		if t := tables[of.name]; t.kind == "r" || t.kind == "p" {
			fmt.Fprintf(&b, "DROP TRIGGER IF EXISTS %[2]s ON %[1]s;\nDROP TRIGGER IF EXISTS %[3]s ON %[1]s;\n", t.quoted(), noteRight, noteRightEmptied)
		}
	}
	fmt.Fprintf(&b, "DROP FUNCTION IF EXISTS %s();\nDROP FUNCTION IF EXISTS %s();\nDROP TABLE IF EXISTS %s, %s;\nCOMMIT;\n",
		beside(noteRight), beside(noteRightEmptied), beside("chat_rights"), beside("chat_rights_kept"))
	return b.String()
}
