package sqlite

import (
	"database/sql"
	"path/filepath"
	"testing"
)

// TestFileWithoutAWriteAheadLogIsRefused: SQLite says nothing where it cannot have one,
// and goes on without.
func TestFileWithoutAWriteAheadLogIsRefused(t *testing.T) {
	for vfs, good := range map[string]bool{"unix": true, "unix-dotfile": false} { // the latter has no shared memory
		db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "caravan.db")+"?vfs="+vfs+"&_pragma=journal_mode(WAL)")
		if err != nil {
			t.Fatal(err)
		}
		if err := requireWAL(t.Context(), db); good != (err == nil) {
			t.Errorf("%s: %v", vfs, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
