package sqlite

import (
	"database/sql"
	"log/slog"
	"math"
	"path/filepath"
	"testing"
)

// TestPagesThatAreKeptFollowTheMemory: all connections together keep what they may, and
// none more than is of use.
func TestPagesThatAreKeptFollowTheMemory(t *testing.T) {
	connections := int64(2 + readers() + BulkReads())
	for within, each := range map[int64]int64{math.MaxInt64: cacheBytesMax, connections << 20: 1 << 20, 1: cacheBytesMin} {
		s, err := OpenWithin(t.Context(), filepath.Join(t.TempDir(), "caravan.db"), within, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for name, db := range map[string]*sql.DB{"writer": s.writer, "read": s.read.db, "bulk": s.bulk.db, "probe": s.probe} {
			var kib int64
			if err := db.QueryRowContext(t.Context(), "PRAGMA cache_size").Scan(&kib); err != nil || -kib<<10 != each {
				t.Errorf("within %d bytes: %s keeps %d KiB, %v", within, name, -kib, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
