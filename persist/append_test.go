package persist

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// sends makes n ops that anything may be done with.
func sends(n int) []*room.Op {
	ops := make([]*room.Op, n)
	for i := range ops {
		ops[i] = &room.Op{
			Intent: protocol.Intent{Kind: protocol.KindMessage, MessageID: uuid.New(), Content: fmt.Sprint(i), Type: protocol.TypeText},
			Room:   uuid.UUID{1}, Trip: uuid.UUID{3}, Sender: protocol.User{ID: uuid.UUID{2}}, At: time.Unix(0, 0).UTC(),
		}
	}
	return ops
}

// keep settles ops in a room and with a sender that exist.
func keep(ops []*room.Op) *Plan {
	lookup := NewLookup(ops)
	found := NewFound(lookup)
	found.Rooms[uuid.UUID{1}] = Room{Trip: uuid.UUID{3}}
	found.Senders[Sender{uuid.UUID{3}, uuid.UUID{2}}] = struct{}{}
	return Settle(ops, lookup, found)
}

func TestPoisonIsFoundInFewTransactions(t *testing.T) {
	for _, bad := range [][]int{{}, {0}, {999}, {500}, {3, 4, 5}, {0, 499, 500, 999}} {
		ops := sends(1000)
		poison := map[*room.Op]bool{}
		for _, i := range bad {
			poison[ops[i]] = true
		}
		runs, commits := 0, 0
		err := Append(t.Context(), ops, func(_ context.Context, ops []*room.Op, mode Mode) (*Plan, error) {
			runs++
			for _, op := range ops {
				if poison[op] {
					return nil, &DataError{Refusal: protocol.ErrInvalidContent, Err: errors.New("poison")}
				}
			}
			if mode == Commit {
				commits++
			}
			return keep(ops), nil
		})
		if err != nil || commits != 1 {
			t.Fatalf("%v: %d commits, %v", bad, commits, err)
		}
		if most := 1 + 12*len(bad); runs > most {
			t.Errorf("%v: %d transactions, want at most %d", bad, runs, most)
		}
		seq := int64(0)
		for i, op := range ops {
			if poison[op] {
				if op.Outcome != room.Refused || op.Err != protocol.ErrInvalidContent {
					t.Errorf("%v: poison %d: outcome %d", bad, i, op.Outcome)
				}
				continue
			}
			if seq++; op.Outcome != room.Stored || op.Message.Seq != seq {
				t.Fatalf("%v: op %d: outcome %d", bad, i, op.Outcome)
			}
		}
	}
}

// TestARoomThatCannotGoOnIsRefusedAsAWhole: few transactions find it, however many
// ops are in it, and the other rooms' ops keep their order.
func TestARoomThatCannotGoOnIsRefusedAsAWhole(t *testing.T) {
	ops, runs := sends(1000), 0
	for i, op := range ops {
		if i%3 == 1 {
			op.Room = uuid.UUID{9}
		}
	}
	err := Append(t.Context(), ops, func(_ context.Context, ops []*room.Op, _ Mode) (*Plan, error) {
		runs++
		behind := 0
		for _, op := range ops {
			if op.Room == (uuid.UUID{9}) {
				if behind++; behind == 5 { // four numbers are free
					return nil, RoomError(errors.New("that number is taken"))
				}
			}
		}
		return keep(ops), nil
	})
	if err != nil || runs > 13 {
		t.Fatalf("%d transactions, %v", runs, err)
	}
	seq := int64(0)
	for i, op := range ops {
		if i%3 == 1 {
			if op.Outcome != room.Refused || op.Err != protocol.ErrUnavailable {
				t.Fatalf("op %d: outcome %d, %v", i, op.Outcome, op.Err)
			}
			continue
		}
		if seq++; op.Outcome != room.Stored || op.Message.Seq != seq {
			t.Fatalf("op %d: outcome %d, %v", i, op.Outcome, op.Err)
		}
	}
}

// TestDataErrorThatPassesHarmsNobody: at the next commit, or already when the first
// half is tried out, nothing is wrong any more.
func TestDataErrorThatPassesHarmsNobody(t *testing.T) {
	for _, n := range []int{2, 3, 100} {
		ops, runs := sends(n), 0
		err := Append(t.Context(), ops, func(_ context.Context, ops []*room.Op, _ Mode) (*Plan, error) {
			if runs++; runs == 1 {
				return nil, &DataError{Refusal: protocol.ErrNotCollaborator, Err: errors.New("deleted after the look-up")}
			}
			return keep(ops), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, op := range ops {
			if op.Outcome != room.Stored {
				t.Errorf("op %d of %d: outcome %d, %v", i, n, op.Outcome, op.Err)
			}
		}
	}
}

func TestWhatAnErrorMeansForTheBatch(t *testing.T) {
	broken := errors.New("broken")
	poison := &DataError{Refusal: protocol.ErrInternal, Err: broken}
	for _, c := range []struct {
		name string
		errs map[Mode]error // of each run
		want error
		runs int
	}{
		{"an error that says nothing else", map[Mode]error{Commit: broken}, room.ErrNotStored, 1},
		{"an outcome unknown", map[Mode]error{Commit: fmt.Errorf("%w: x", room.ErrOutcomeUnknown)}, room.ErrOutcomeUnknown, 1},
		{"conflict without end", map[Mode]error{Commit: fmt.Errorf("%w: x", ErrConflict)}, room.ErrNotStored, conflictRuns},
		{"broken while the poison is sought", map[Mode]error{Commit: poison, TryOut: broken}, room.ErrNotStored, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			ops, runs := sends(4), 0
			err := Append(t.Context(), ops, func(_ context.Context, ops []*room.Op, mode Mode) (*Plan, error) {
				runs++
				return nil, c.errs[mode]
			})
			if !errors.Is(err, c.want) || runs != c.runs {
				t.Errorf("%d runs, %v", runs, err)
			}
			if errors.Is(err, room.ErrNotStored) == errors.Is(err, room.ErrOutcomeUnknown) {
				t.Errorf("neither or both: %v", err)
			}
			for _, op := range ops {
				if op.Outcome != room.Pending {
					t.Errorf("outcome %d", op.Outcome)
				}
			}
		})
	}
}

func TestConflictThatPasses(t *testing.T) {
	ops, runs := sends(2), 0
	err := Append(t.Context(), ops, func(_ context.Context, ops []*room.Op, _ Mode) (*Plan, error) {
		if runs++; runs < conflictRuns {
			return nil, ErrConflict
		}
		return keep(ops), nil
	})
	if err != nil || ops[0].Outcome != room.Stored || ops[1].Outcome != room.Stored {
		t.Errorf("outcomes %d %d, %v", ops[0].Outcome, ops[1].Outcome, err)
	}
}

func TestConflictEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := Append(ctx, sends(1), func(context.Context, []*room.Op, Mode) (*Plan, error) {
		cancel()
		return nil, ErrConflict
	})
	if !errors.Is(err, room.ErrNotStored) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestABatchOfRefusalsNeedsNoTransaction(t *testing.T) {
	ops := sends(2)
	ops[0].Content, ops[1].MessageID = "\x00", uuid.Nil
	err := Append(t.Context(), ops, func(context.Context, []*room.Op, Mode) (*Plan, error) {
		t.Error("a transaction ran")
		return nil, nil
	})
	if err != nil || ops[0].Err != protocol.ErrInvalidContent || ops[1].Err != protocol.ErrInternal {
		t.Errorf("%v, %v, %v", ops[0].Err, ops[1].Err, err)
	}
}

// BenchmarkSettle tells the cost of an op between the round trips.
func BenchmarkSettle(b *testing.B) {
	ops := sends(1000)
	for i, op := range ops {
		op.ClientID = fmt.Sprint(i)
	}
	for b.Loop() {
		keep(ops).Conclude()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ops)), "ns/message")
}
