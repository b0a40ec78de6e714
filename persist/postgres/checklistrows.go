package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
)

// rows asks the questions about rows, each in a savepoint: one that fails is told, and the others
// are asked.
func (c *checking) rows(ctx context.Context, tx pgx.Tx, questions []persist.RowQuestion) error {
	for _, q := range questions {
		there, err := haveColumns(ctx, tx, q.Columns)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		var n int64
		err = pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { return row(ctx, tx, "SELECT count(*) "+q.Count, nil, &n) })
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case hasCode(err, codeForbidden), hasCode(err, codeNoFunction): // said by permissions, and by types: of two types nothing is compared
		case err != nil:
			c.blocks(q.About, "", "rows cannot be counted: %v", err)
		case n > 0:
			c.found.Add(q.Level, q.About, q.Do, q.Text, n)
		}
	}
	return nil
}

// haveColumns says whether all of those columns are there, written as table.column.
func haveColumns(ctx context.Context, tx pgx.Tx, columns string) (there bool, err error) {
	err = row(ctx, tx, `SELECT bool_and(EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass(split_part(c, '.', 1)) AND a.attname = split_part(c, '.', 2)
		AND a.attnum > 0 AND NOT a.attisdropped)) FROM unnest($1::text[]) c`, []any{strings.Fields(columns)}, &there)
	return there, err
}

// rolesListed is how many roles are looked at, those that most collaborators have first.
const rolesListed = 50

func (c *checking) rolesGiven(ctx context.Context, tx pgx.Tx) error {
	there, err := haveColumns(ctx, tx, "collaborators.role")
	if err != nil || !there {
		return err
	}
	var roles []counted
	err = pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		roles, err = countedRows(ctx, tx, `SELECT coalesce(role::text, ''), count(*) FROM collaborators GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $1`, rolesListed)
		return err
	})
	if hasCode(err, codeForbidden) {
		return nil // said by permissions
	}
	for _, r := range roles {
		if r.Text != "member" {
			c.found.CheckRole(c.roles, r.Text, r.N)
		}
	}
	return err
}

// longTransaction is how long one may be under way before it is told of.
const longTransaction = "1 minute"

func (c *checking) transactions(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `SELECT pid::text, coalesce(usename::text, '?'), date_trunc('second', clock_timestamp() - xact_start)::text, coalesce(state, '?'), left(regexp_replace(coalesce(query, ''), '\s+', ' ', 'g'), 60)
		FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
			AND xact_start < clock_timestamp() - interval '`+longTransaction+`' ORDER BY xact_start LIMIT 20`)
	if err != nil {
		return err
	}
	var pid, user, age, state, query string
	_, err = pgx.ForEachRow(rows, []any{&pid, &user, &age, &state, &query}, func() error {
		c.look("transactions", fmt.Sprintf("end it: SELECT pg_terminate_backend(%s);", pid), "a transaction of %s has been under way for %s (%s, pid %s): a migration waits until it ends. %s", user, age, state, pid, query)
		return nil
	})
	if err != nil {
		return err
	}
	prepared, err := countedRows(ctx, tx, `SELECT gid, 0::bigint FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared LIMIT 20`)
	for _, p := range prepared {
		c.look("transactions", fmt.Sprintf("COMMIT PREPARED or ROLLBACK PREPARED '%s';", strings.ReplaceAll(p.Text, "'", "''")), "the prepared transaction %q has not ended: a migration waits until it does", p.Text)
	}
	return err
}

func (c *checking) size(ctx context.Context, tx pgx.Tx) error {
	there, err := haveColumns(ctx, tx, "chat_messages.id")
	if err != nil || !there {
		return err
	}
	var rows, bytes int64
	var numbered, parts bool
	err = row(ctx, tx, `SELECT greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid), c.relkind = 'p',
			EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'seq' AND a.attnotnull AND NOT a.attisdropped)
		FROM pg_class c WHERE c.oid = to_regclass('chat_messages')`, nil, &rows, &bytes, &parts, &numbered)
	if err != nil {
		return err
	}
	about := fmt.Sprintf("chat_messages has about %d messages and %d MiB", rows, bytes>>20)
	switch {
	case numbered:
		c.found.Add(persist.Good, "size", "", "%s", about)
	case parts:
		c.look("size", "migrate while nobody writes", "%s in partitions: they get their numbers while nobody may write", about)
	default:
		c.found.Add(persist.Good, "size", "", "%s: as each gets its number once, it may take twice that on the disk until the next VACUUM", about)
	}
	return nil
}
