package postgres

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

func (f *fleet) mark(in int, seq int64) *room.Op {
	op := f.send(in, "")
	op.Intent = protocol.Intent{Kind: protocol.KindRead, UpTo: seq}
	return op
}

// TestMarksDoNotWaitForTheirRoom, nor does anybody wait behind them for it. Where a quota is set,
// its counts are left alone: they need the room's lock.
func TestMarksDoNotWaitForTheirRoom(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 2)
	f.mustAppend(f.send(0, "x"), f.send(0, "x"), f.send(1, "x"))
	f.SetQuotas(persist.Quotas{RoomBytes: 1 << 20})
	writer := f.session()
	mustExec(t, writer, "BEGIN")
	mustExec(t, writer, "SELECT FROM chat_rooms FOR NO KEY UPDATE")
	ops := []*room.Op{f.mark(1, 1), f.mark(0, 99)}
	if err := f.Append(t.Context(), ops, room.Within{Commit: 10 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if ops[0].Raised != 1 || ops[1].Raised != 2 {
		t.Errorf("raised to %d and %d", ops[0].Raised, ops[1].Raised)
	}
	for i, want := range []int64{2, 1} {
		if got, err := f.Reading(t.Context(), f.rooms[i], f.user.ID); err != nil || got.Seq != want {
			t.Errorf("room %d: %+v, %v; want %d", i, got, err, want)
		}
	}
	var counted int
	if err := writer.QueryRow(t.Context(), "SELECT count(*) FROM chat_usage").Scan(&counted); err != nil || counted != 0 {
		t.Errorf("%d rooms were counted, %v", counted, err)
	}
	mustExec(t, writer, "ROLLBACK")
	elsewhere := f.mark(0, 1)
	elsewhere.Room = uuid.New()
	if f.mustAppend(elsewhere); elsewhere.Outcome != room.Refused {
		t.Errorf("in a room that is not there: %v", elsewhere.Outcome)
	}
}

// TestWhichMarksGrewIsFoundAfterwards: where the answer to a commit is lost, a mark counts that
// is stored as it is. One behind which a greater one is stored does not, nor one that is not there.
func TestWhichMarksGrewIsFoundAfterwards(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 3)
	f.mustAppend(f.send(0, "x"), f.send(0, "x"), f.send(1, "x"), f.mark(0, 2), f.mark(1, 1))
	plan := new(persist.Plan)
	for i, value := range []int64{1, 1, 1} {
		plan.Marks = append(plan.Marks, persist.Mark{Column: persist.MarkColumns[0], Room: f.rooms[i], User: f.user.ID, Value: value})
	}
	if err := findRaised(t.Context(), f.readers, plan); err != nil {
		t.Fatal(err)
	}
	for i, kept := range []bool{true, false, true} {
		if plan.Marks[i].Kept != kept {
			t.Errorf("mark %d: kept %t", i, plan.Marks[i].Kept)
		}
	}
}
