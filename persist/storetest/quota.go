package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// testRoomQuota: what a quota has no room for is refused alone. What was stored while there
// was none counts, and so do edits, both ways.
func testRoomQuota(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	of := func(n int) string { return strings.Repeat("é", n/2) }
	before := w.stored(w.send(0, 0, of(40)))
	w.stored(w.edit(0, 0, before.ID, of(50)))

	w.store.SetQuotas(persist.Quotas{RoomBytes: 100})
	ops := []*room.Op{w.send(0, 0, of(30)), w.send(0, 1, of(22)), w.send(1, 1, of(100)), w.send(0, 1, of(20)), w.send(0, 1, "x")}
	w.append(ops...)
	for i, want := range []room.Outcome{room.Stored, room.Refused, room.Stored, room.Stored, room.Refused} {
		w.mustOutcome(ops[i], want, protocol.CodeQuota)
	}
	for _, r := range []int{0, 1} { // full, in batches of one
		op := w.send(r, 0, "x")
		w.append(op)
		w.mustOutcome(op, room.Refused, protocol.CodeQuota)
	}
	grow := w.edit(0, 0, before.ID, of(52))
	w.append(grow)
	w.mustOutcome(grow, room.Refused, protocol.CodeQuota)
	w.stored(w.edit(0, 0, before.ID, of(10)))
	w.stored(w.send(0, 1, of(40)))
	full := w.send(0, 1, "x")
	w.append(full)
	w.mustOutcome(full, room.Refused, protocol.CodeQuota)

	w.store.SetQuotas(persist.Quotas{}) // switched off for a while: what comes meanwhile counts later
	w.stored(w.send(0, 0, of(10)))
	w.store.SetQuotas(persist.Quotas{RoomBytes: 112})
	ops = []*room.Op{w.send(0, 0, of(4)), w.send(0, 0, of(2))}
	w.append(ops...)
	w.mustOutcome(ops[0], room.Refused, protocol.CodeQuota)
	w.mustOutcome(ops[1], room.Stored, "")
	if got := w.head(0); got != 8 {
		t.Errorf("head %d: what was refused took a number", got)
	}
}

// testRoomQuotaCountsData: an application's data counts as content does, also what was stored
// while there was no quota, and no more once it is deleted.
func testRoomQuotaCountsData(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	with := func(n int) func(*room.Op) {
		return func(op *room.Op) { op.Extra = &protocol.Extra{Data: `{"x":"` + strings.Repeat("é", n/2) + `"}`} }
	}
	before := w.stored(w.send(0, 0, "x", with(2_000)))
	w.store.SetQuotas(persist.Quotas{RoomBytes: 5_000})
	refused := func(n int) {
		t.Helper()
		op := w.send(0, 0, "x", with(n))
		w.append(op)
		w.mustOutcome(op, room.Refused, protocol.CodeQuota)
	}
	refused(3_000)
	w.stored(w.send(0, 0, "x", with(2_500)))
	refused(1_000)
	w.stored(w.delete(0, 0, before.ID))
	w.stored(w.send(0, 0, "x", with(2_400)))
	refused(100)
}

// testRoomQuotaCountsOnce: a room that is full is not counted again for each message that is
// refused.
func testRoomQuotaCountsOnce(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	old := w.stored(w.send(0, 0, strings.Repeat("x", 50)))
	w.store.SetQuotas(persist.Quotas{RoomBytes: 40})
	refused := func() {
		t.Helper()
		op := w.send(0, 0, "y")
		w.append(op)
		w.mustOutcome(op, room.Refused, protocol.CodeQuota)
	}
	refused()
	w.store.SetQuotas(persist.Quotas{})
	w.stored(w.edit(0, 0, old.ID, "short")) // what was counted is not looked at again
	w.store.SetQuotas(persist.Quotas{RoomBytes: 40})
	refused()
}

// testRoomQuotaIsCountedInPortions: a long room takes several transactions. Until all is
// counted, what is counted is held against the quota.
func testRoomQuotaIsCountedInPortions(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	const beyond = 10
	for left := persist.CountedMax + beyond; left > 0; {
		ops := make([]*room.Op, min(left, 2_000))
		for i := range ops {
			ops[i] = w.send(0, 0, "x")
		}
		w.append(ops...)
		left -= len(ops)
	}
	w.store.SetQuotas(persist.Quotas{RoomBytes: persist.CountedMax + beyond})
	w.stored(w.send(0, 0, "y"))
	for range 2 {
		over := w.send(0, 0, "z")
		w.append(over)
		w.mustOutcome(over, room.Refused, protocol.CodeQuota)
	}
	w.store.SetQuotas(persist.Quotas{RoomBytes: persist.CountedMax + beyond + 2})
	w.stored(w.send(0, 0, "z"))
}

// testUserQuota: over all rooms, anew each day; what is sent twice or changed counts once.
func testUserQuota(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	w.store.SetQuotas(persist.Quotas{UserMessagesPerDay: 3})
	noon := time.Now().UTC().Truncate(24 * time.Hour).Add(12 * time.Hour)
	send := func(r, u, day int, with ...func(*room.Op)) *room.Op {
		op := w.send(r, u, "x", with...)
		op.At = noon.AddDate(0, 0, day)
		return op
	}
	w.stored(send(0, 0, 0, clientID("c")))
	ops := []*room.Op{send(1, 0, 0), send(0, 0, 0, clientID("c")), send(0, 0, 0), send(1, 0, 0), send(0, 1, 0)}
	w.append(ops...)
	for i, want := range []room.Outcome{room.Stored, room.Duplicate, room.Stored, room.Refused, room.Stored} {
		w.mustOutcome(ops[i], want, protocol.CodeQuota)
	}
	over := send(0, 0, 0)
	w.append(over)
	w.mustOutcome(over, room.Refused, protocol.CodeQuota)
	w.stored(w.edit(0, 0, ops[2].MessageID, "changed"))
	for range 3 {
		w.stored(send(0, 0, 1))
	}
	over = send(1, 0, 1)
	w.append(over)
	w.mustOutcome(over, room.Refused, protocol.CodeQuota)
}
