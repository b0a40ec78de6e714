package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/persist/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "caravan.db"), quiet)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		return store
	})
}
