package sqlite_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
)

func TestSQLiteItselfSaysThatACommitIsSynced(t *testing.T) {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "caravan.db"), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	is, err := s.Durability(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []persist.Setting{{Name: "journal_mode", Value: "wal"}, {Name: "synchronous", Value: "full"}}
	if is.Store != "sqlite" || is.Version == "" || !slices.Equal(is.Settings, want) {
		t.Errorf("got %+v", is)
	}
}
