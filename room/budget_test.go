package room

import "testing"

// TestLanesFitIntoLittleMemory: whatever there is, the longest message fits, and a burst
// of some users.
func TestLanesFitIntoLittleMemory(t *testing.T) {
	for _, c := range []struct {
		bytes        int64
		lanes        int
		contentBytes int
		ops, lane    int
	}{
		{1 << 40, 4, 40_000, 16_384, 32 << 20},
		{8 << 20, 4, 40_000, 1_024, 1 << 20},
		{8 << 20, 1, 40_000, 4_096, 4 << 20},
		{1 << 20, 4, 40_000, 256, 128 << 10},
		{1 << 10, 1, 40_000, 256, 40_000},
	} {
		if ops, lane := LaneWithin(c.bytes, c.lanes, c.contentBytes); ops != c.ops || lane != c.lane {
			t.Errorf("%d bytes, %d lanes: %d ops, %d bytes", c.bytes, c.lanes, ops, lane)
		}
	}
}

// TestFewHistoriesAreReadAtOnceWhereMemoryIsLittle: at least one is.
func TestFewHistoriesAreReadAtOnceWhereMemoryIsLittle(t *testing.T) {
	for looks, want := range map[int]int{0: lookupBatchMax, 1 << 30: lookupBatchMax, 8 << 20: 16, 1: 1} {
		c := Config{HistoryBytes: 256 << 10, Bytes: Bytes{Looks: looks}}.withDefaults()
		if got := c.historiesAtOnce(); got != want {
			t.Errorf("within %d bytes: %d", looks, got)
		}
	}
}
