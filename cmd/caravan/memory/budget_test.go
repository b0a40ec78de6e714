package memory

import "testing"

// TestPartsOfTheBudgetLeaveRoom holds the parts against any limit: they fit, they grow
// with it, and none is nothing.
func TestPartsOfTheBudgetLeaveRoom(t *testing.T) {
	var before Budget
	for limit := int64(32 << 20); limit <= 1<<40; limit *= 2 {
		b := Divide(limit)
		if all := b.All(); all > limit/5*4 {
			t.Errorf("of %d MiB the parts take %d", limit>>20, all>>20)
		}
		for i, part := range [...][2]int64{
			{b.Unsent, before.Unsent}, {b.Handshakes, before.Handshakes}, {b.Begun, before.Begun}, {b.Bodies, before.Bodies},
			{b.REST, before.REST}, {b.Lanes, before.Lanes}, {b.Tails, before.Tails}, {b.Parked, before.Parked},
			{b.Looks, before.Looks}, {b.Entering, before.Entering}, {b.Notices, before.Notices}, {b.SQLiteCache, before.SQLiteCache},
		} {
			if part[0] < 512<<10 || part[0] < part[1] {
				t.Errorf("part %d of %d MiB is %d bytes, of half of it %d", i, limit>>20, part[0], part[1])
			}
		}
		before = b
	}
	if b := Divide(8 << 30); b.Handshakes != 64<<20 || b.Bodies != 64<<20 || b.Tails != 64<<20 || b.Parked != 64<<20 {
		t.Errorf("%+v", b)
	}
}
