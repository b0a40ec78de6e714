package room_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// walked is a store that counts who reads what changed, and has the first one wait.
type walked struct {
	room.Store
	let             chan struct{}
	alone, together atomic.Int64
	most            atomic.Int64 // questions in one look
	fault           func(room.WalkQuery) error
}

func (s *walked) Walk(ctx context.Context, q room.WalkQuery) (room.Walk, error) {
	s.alone.Add(1)
	<-s.let
	return s.Store.Walk(ctx, q)
}

func (s *walked) Walks(ctx context.Context, queries []room.WalkQuery) ([]room.Walk, error) {
	s.together.Add(1)
	s.most.Store(max(s.most.Load(), int64(len(queries))))
	for _, q := range queries {
		if err := s.fault(q); err != nil {
			return nil, err
		}
	}
	return s.Store.Walks(ctx, queries)
}

// comeBack opens a house in which one read is done at a time, and the first one waits.
func comeBack(t *testing.T, fault func(room.WalkQuery) error) (*house, *walked) {
	t.Helper()
	store := &walked{let: make(chan struct{}), fault: fault}
	h := openWith(t, room.Config{BulkReads: 1}, nil, func(s room.Store) room.Store {
		store.Store = s
		return store
	})
	return h, store
}

func noFault(room.WalkQuery) error { return nil }

// answered is what one was told.
type answered struct {
	past *room.History
	err  error
}

// allAtOnce asks while the store is busy, and returns the answers in the order of the questions.
func (h *house) allAtOnce(t *testing.T, store *walked, qs []room.SinceQuery) []answered {
	t.Helper()
	store.let = make(chan struct{})
	before := store.alone.Load()
	ask := func(q room.SinceQuery) chan answered {
		told := make(chan answered, 1)
		q.User = uuid.New()
		h.Resume(protocol.RoomInfo{Room: q.Room}, q, nil, func(past *room.History, err error) { told <- answered{past, err} })
		return told
	}
	first := ask(room.SinceQuery{Room: uuid.New()})
	await.Until(t, "the store is busy", func() bool { return store.alone.Load() == before+1 })
	var all []chan answered
	for _, q := range qs {
		all = append(all, ask(q))
	}
	close(store.let)
	await.Value(t, "the first answer", first)
	answers := make([]answered, len(qs))
	for i := range all {
		answers[i] = await.Value(t, fmt.Sprint("answer ", i), all[i])
	}
	return answers
}

// TestWhoComesBackTogetherIsOneLook: each gets what it would have got alone.
func TestWhoComesBackTogetherIsOneLook(t *testing.T) {
	h, store := comeBack(t, noFault)
	close(store.let)
	var sent []*protocol.Message
	for i := range 3 {
		sent = append(sent, h.send(t, 0, fmt.Sprint("number ", i+1)))
	}
	for range 40 {
		h.send(t, 2, "one of many")
	}
	l := &hearer{}
	h.Follow(h.rooms[0].ID, 0, l)
	defer h.Unfollow(h.rooms[0].ID, l)
	in := func(r int, since int64, last uuid.UUID) room.SinceQuery {
		return room.SinceQuery{Room: h.rooms[r].ID, Since: since, Last: last}
	}
	few := []room.SinceQuery{
		in(0, 0, uuid.Nil), in(0, 1, uuid.Nil), in(0, 2, uuid.Nil), in(0, 3, uuid.Nil), in(0, 9, uuid.Nil),
		in(0, 2, sent[1].ID), in(0, 3, sent[2].ID), in(0, 3, sent[0].ID), in(0, 9, sent[0].ID),
		in(1, 0, uuid.Nil), in(2, 10, uuid.Nil), in(2, 40, uuid.Nil), {Room: uuid.New(), Since: 5},
	}
	much := []room.SinceQuery{in(2, 0, uuid.Nil), in(2, 1, uuid.New())}
	all := slices.Concat(few, much)
	var alone []answered
	for _, q := range all {
		alone = append(alone, h.allAtOnce(t, store, []room.SinceQuery{q})...)
	}
	if n := store.together.Load(); n != 0 {
		t.Fatalf("%d looks for several who came one by one", n)
	}
	store.alone.Store(0)
	for i, a := range h.allAtOnce(t, store, all) {
		if a.err != nil || alone[i].err != nil {
			t.Fatalf("question %d: %v; alone %v", i, a.err, alone[i].err)
		}
		if string(a.past.Frame) != string(alone[i].past.Frame) || a.past.Seq != alone[i].past.Seq {
			t.Errorf("question %d is answered %s at %d, alone %s at %d", i, a.past.Frame, a.past.Seq, alone[i].past.Frame, alone[i].past.Seq)
		}
	}
	if looks, ones := store.together.Load(), store.alone.Load(); looks != 1 || store.most.Load() != int64(len(all)) || ones != 3 {
		t.Errorf("%d looks, of %d questions at most, and %d for one alone", looks, store.most.Load(), ones)
	}
}

// TestManyWhoComeBackAreFewLooks: no look has more than so many questions.
func TestManyWhoComeBackAreFewLooks(t *testing.T) {
	h, store := comeBack(t, noFault)
	var qs []room.SinceQuery
	for i := range 150 {
		qs = append(qs, room.SinceQuery{Room: h.rooms[i%3].ID, Since: int64(i)})
	}
	for i, a := range h.allAtOnce(t, store, qs) {
		if a.err != nil {
			t.Errorf("question %d: %v", i, a.err)
		}
	}
	if looks, most := store.together.Load(), store.most.Load(); looks != 3 || most != 64 {
		t.Errorf("%d looks, of %d questions at most", looks, most)
	}
	if st := h.Stats(); st.HistoryAsked != 151 || st.HistoryLooks != 4 {
		t.Errorf("%d looks for %d questions are told", st.HistoryLooks, st.HistoryAsked)
	}
}

// TestWhoMissedMuchIsAskedForAlone where the room is followed, so that it is known.
func TestWhoMissedMuchIsAskedForAlone(t *testing.T) {
	h, store := comeBack(t, noFault)
	close(store.let)
	l := &hearer{}
	h.Follow(h.rooms[0].ID, 0, l)
	defer h.Unfollow(h.rooms[0].ID, l)
	for range 40 {
		h.send(t, 0, "one of many")
	}
	var qs []room.SinceQuery
	for since := range int64(41) {
		qs = append(qs, room.SinceQuery{Room: h.rooms[0].ID, Since: since})
	}
	for since, a := range h.allAtOnce(t, store, qs) {
		if a.err != nil || a.past.Seq != 40 {
			t.Errorf("since %d: %+v", since, a)
		}
	}
	if alone, looks := store.alone.Load(), store.together.Load(); alone != 1+8 || looks != 1 {
		t.Errorf("%d were asked for alone, and the others by %d looks", alone, looks)
	}
}

// TestOneRowIsNoFaultOfOthers who ask in the same look.
func TestOneRowIsNoFaultOfOthers(t *testing.T) {
	for name, fault := range map[string]func() error{
		"unreadable": func() error { return room.ErrUnreadable },
		"a panic":    func() error { panic("in a test") },
	} {
		t.Run(name, func(t *testing.T) {
			bad := uuid.New()
			h, store := comeBack(t, func(q room.WalkQuery) error {
				if q.Room == bad {
					return fault()
				}
				return nil
			})
			qs := make([]room.SinceQuery, 20)
			for i := range qs {
				qs[i] = room.SinceQuery{Room: h.rooms[i%3].ID, Since: int64(i)}
			}
			qs[7].Room = bad
			for i, a := range h.allAtOnce(t, store, qs) {
				if failed := errors.Is(a.err, room.ErrUnavailable); failed != (i == 7) || !failed && a.err != nil {
					t.Errorf("question %d: %v", i, a.err)
				}
			}
		})
	}
}

// TestALookThatFailsIsToldToAll who asked, and that it took too long as that the database is busy.
func TestALookThatFailsIsToldToAll(t *testing.T) {
	for _, c := range []struct {
		fault error
		busy  bool
	}{{room.ErrStoreDown, false}, {context.DeadlineExceeded, true}} {
		h, store := comeBack(t, func(room.WalkQuery) error { return c.fault })
		qs := make([]room.SinceQuery, 5)
		for i := range qs {
			qs[i] = room.SinceQuery{Room: h.rooms[0].ID, Since: int64(i)}
		}
		for i, a := range h.allAtOnce(t, store, qs) {
			if !errors.Is(a.err, room.ErrUnavailable) || errors.Is(a.err, room.ErrBusy) != c.busy {
				t.Errorf("question %d: %v", i, a.err)
			}
		}
		if n := h.Stats().ReadsBusy; c.busy != (n == 5) {
			t.Errorf("%d are counted as turned away", n)
		}
	}
}
