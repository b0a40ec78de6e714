package main

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// TestEveryTableIsDocumented, of both stores.
func TestEveryTableIsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/data.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := func(table string) {
		t.Helper()
		if !bytes.Contains(doc, []byte("`"+table+"`")) {
			t.Errorf("docs/data.md does not explain %s", table)
		}
	}
	path, url := filepath.Join(t.TempDir(), "caravan.db"), pgserver.Shared(t).Database(t)
	for _, database := range []string{"sqlite:" + path, url} {
		if got := caravan(t, nil, "migrate", "--database", database); got.status != exitOK {
			t.Fatal(got)
		}
	}
	file, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := file.Query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	tables := 0
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			t.Fatal(err)
		}
		explained(table)
		tables++
	}
	if err := rows.Err(); err != nil || tables < 10 {
		t.Errorf("%d tables, %v", tables, err)
	}

	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	found, err := conn.Query(t.Context(), "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'")
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil || len(names) < tables {
		t.Fatalf("%q, %v", names, err)
	}
	for _, table := range names {
		explained(table)
	}
}
