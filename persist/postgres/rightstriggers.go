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
const findRightsTables = `SELECT t.name, coalesce(n.nspname, ''), coalesce(c.relname, ''), ` + rightsPlain + `
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
	_, err = pgx.ForEachRow(rows, []any{&t.name, &t.schema, &t.table, &t.plain}, func() error {
		tables[t.name] = t
		return nil
	})
	if err != nil {
		return "", fault("triggers", err)
	}
	for _, of := range rightsTables {
		switch t := tables[of.name]; {
		case t.table == "" && (!drop || of.name == "chat_rooms"): // what is taken away is beside that one
			return "", fmt.Errorf("%w: there is no %s", ErrNoTriggers, of.name)
		case !t.plain && !drop:
			return "", fmt.Errorf("%w: %s is a view, or has parts or is one, so a trigger on it does not see all that is written: "+
				"all members are looked at each time", ErrNoTriggers, of.name)
		}
	}
	if drop {
		return dropRightsTriggers(tables["chat_rooms"]), nil
	}
	return makeRightsTriggers(tables, pool.ConnConfig.User), nil
}

// foundTable is a table that a name finds.
type foundTable struct {
	name, schema, table string
	plain               bool
}

func (t *foundTable) quoted() string { return pgx.Identifier{t.schema, t.table}.Sanitize() }

// rightsTransaction begins what is printed. Who waits for a table holds up all who come after it, so it waits shortly.
// All but the server's own is named with its schema: in another one somebody else may have made what fits better.
const rightsTransaction = `BEGIN;
SET LOCAL lock_timeout = '500ms'; -- for each table: where that is over, nothing is done, so try again
SET LOCAL search_path = pg_catalog, pg_temp;

`

// rightsFunction is the body of the triggers' function. It names no column of the application's, so that
// the application may change them, and nothing in it fails for what a row holds. It is formatted with the notes' table.
const rightsFunction = `DECLARE
    before jsonb := CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN to_jsonb(OLD) END;
    after  jsonb := CASE WHEN TG_OP IN ('UPDATE', 'INSERT') THEN to_jsonb(NEW) END;
BEGIN
    -- The first two arguments name the columns that say who is meant, the others those that matter.
    IF TG_OP = 'UPDATE' AND NOT EXISTS (SELECT FROM unnest(TG_ARGV[2:]) AS c WHERE before->c IS DISTINCT FROM after->c) THEN
        RETURN NULL;
    END IF;
    INSERT INTO %[1]s (user_id, trip_id)
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
-- members are looked at. Nodes delete rows after some minutes. What somebody else has made might be made to do more.

DO $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT relowner FROM pg_class WHERE oid IN (to_regclass(%[7]s), to_regclass(%[8]s))
            UNION ALL SELECT proowner FROM pg_proc WHERE oid IN (to_regprocedure(%[9]s), to_regprocedure(%[10]s))) AS made (owner)
        WHERE owner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)) THEN
        RAISE EXCEPTION 'somebody else owns chat_rights, chat_rights_kept or their functions: run this as that role, or take them away first';
    END IF;
END
$$;

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

-- The functions have their owner's rights, so that whoever writes may note it. So they call nothing but the server's own.

CREATE OR REPLACE FUNCTION %[4]s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
%[6]s$$;
CREATE OR REPLACE FUNCTION %[5]s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM %[2]s;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION %[4]s(), %[5]s() FROM PUBLIC;

`, beside("chat_rights"), beside("chat_rights_kept"), pgx.Identifier{role}.Sanitize(), beside(noteRight), beside(noteRightEmptied),
		fmt.Sprintf(rightsFunction, beside("chat_rights")), literal(beside("chat_rights")), literal(beside("chat_rights_kept")),
		literal(beside(noteRight)+"()"), literal(beside(noteRightEmptied)+"()"))
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

// literal is a string of SQL.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// dropRightsTriggers is the SQL that takes all that away. A table that has another name by now has its triggers still.
func dropRightsTriggers(rooms foundTable) string {
	beside := func(name string) string { return pgx.Identifier{rooms.schema, name}.Sanitize() }
	note, emptied := beside(noteRight)+"()", beside(noteRightEmptied)+"()"
	return rightsTransaction + fmt.Sprintf(`DO $$
DECLARE
    made record;
BEGIN
    FOR made IN SELECT tgname, tgrelid::regclass AS of FROM pg_trigger WHERE tgfoid IN (to_regprocedure(%s), to_regprocedure(%s)) LOOP
        EXECUTE format('DROP TRIGGER %%I ON %%s', made.tgname, made.of);
    END LOOP;
END
$$;
DROP FUNCTION IF EXISTS %s, %s;
DROP TABLE IF EXISTS %s, %s;
COMMIT;
`, literal(note), literal(emptied), note, emptied, beside("chat_rights"), beside("chat_rights_kept"))
}
