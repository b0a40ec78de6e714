package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestBackupBesideAServer: the copy has what was stored until then, is whole, and is for its
// owner alone. Nothing is written over, and nothing half is left.
func TestBackupBesideAServer(t *testing.T) {
	a := adopt(t, looseSchema, 1)
	s := a.open(quiet)
	store := func() {
		t.Helper()
		op := a.op(protocol.KindMessage, uuid.New(), 0)
		if err := s.Append(t.Context(), []*room.Op{op}, room.Within{}); err != nil || op.Outcome != room.Stored {
			t.Fatalf("outcome %d, %v", op.Outcome, err)
		}
	}
	store()
	dir := t.TempDir()
	to := filepath.Join(dir, "copy.db")
	bytes, err := sqlite.Backup(t.Context(), a.path, to)
	if err != nil {
		t.Fatal(err)
	}
	store()
	info, err := os.Stat(to)
	if err != nil || info.Size() != bytes || bytes == 0 || info.Mode() != 0o600 {
		t.Errorf("%v, %v; told %d bytes", info, err, bytes)
	}
	copied, err := sql.Open("sqlite", to)
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	var n int
	var whole string
	if err := copied.QueryRow("SELECT (SELECT count(*) FROM chat_messages), (SELECT * FROM pragma_integrity_check)").Scan(&n, &whole); err != nil || n != 1 || whole != "ok" {
		t.Errorf("%d messages, %s, %v", n, whole, err)
	}
	if _, err := sqlite.Backup(t.Context(), a.path, to); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a second one: %v", err)
	}
	for _, wrong := range []struct{ from, to string }{{filepath.Join(dir, "none.db"), to + "2"}, {a.path, filepath.Join(dir, "none", "copy.db")}} {
		if _, err := sqlite.Backup(t.Context(), wrong.from, wrong.to); err == nil {
			t.Errorf("%s to %s: no error", wrong.from, wrong.to)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
