package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/persist/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (storetest.Store, func(string)) {
		path := filepath.Join(t.TempDir(), "caravan.db")
		store, err := sqlite.Open(t.Context(), path, quiet)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		db, err := sql.Open("sqlite", path+"?_pragma=foreign_keys(ON)&_pragma=busy_timeout(60000)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return store, func(statement string) {
			t.Helper()
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%v in %s", err, statement)
			}
		}
	})
}
