package room_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

// telling is a store that tells which rooms' numbers were written, unless it is away. It is on a
// timeline, and may have a room that cannot be read.
type telling struct {
	*memory
	written    []uuid.UUID
	away       atomic.Bool
	timeline   atomic.Uint32
	unreadable atomic.Pointer[uuid.UUID]
	compared   atomic.Int64 // rooms
}

func (s *telling) Timeline() room.Timeline { return room.Timeline(s.timeline.Load()) }

func (s *telling) Append(ctx context.Context, batch []*room.Op, within room.Within) error {
	if err := s.memory.Append(ctx, batch, within); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, op := range batch {
		s.written = append(s.written, op.Room)
	}
	return nil
}

func (s *telling) NumbersSince(_ context.Context, since room.Moment) (room.Numbers, error) {
	if s.away.Load() {
		return room.Numbers{}, errors.New("away")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	until := room.Moment(strconv.Itoa(len(s.written)))
	from, err := strconv.Atoi(string(since))
	if err != nil {
		return room.Numbers{Until: until, All: true}, nil
	}
	rooms := s.written[from:]
	seqs := make([]int64, len(rooms))
	for i, id := range rooms {
		seqs[i] = int64(len(s.logs[id]))
	}
	return room.NewNumbers(until, rooms, seqs), nil
}

func (s *telling) Heads(ctx context.Context, rooms []uuid.UUID) ([]room.Head, error) {
	s.compared.Add(int64(len(rooms)))
	if id := s.unreadable.Load(); id != nil && slices.Contains(rooms, *id) {
		return nil, room.ErrUnreadable
	}
	return s.memory.Heads(ctx, rooms)
}

func (s *telling) Head(ctx context.Context, id uuid.UUID) (int64, bool, error) {
	if unreadable := s.unreadable.Load(); unreadable != nil && *unreadable == id {
		return 0, false, room.ErrUnreadable
	}
	return s.memory.Head(ctx, id)
}

// elsewhere commits a message, and nobody is told.
func (s *telling) elsewhere(t *testing.T, to uuid.UUID) {
	t.Helper()
	if err := s.Append(t.Context(), []*room.Op{messageTo(to, "x")}, room.Within{}); err != nil {
		t.Fatal(err)
	}
}

// silentRooms are those that the tests follow.
const silentRooms = 1_500

// withTelling calls f, in a time of its own, beside a service with many rooms that were compared once.
func withTelling(t *testing.T, f func(t *testing.T, s *room.Service, store *telling, l *hearer)) {
	synctest.Test(t, func(t *testing.T) {
		store := &telling{memory: newMemory()}
		s := room.New(store, believing{}, nil, room.Config{})
		defer s.Close()
		l := &hearer{}
		for i := range silentRooms {
			s.Follow(uuid.UUID{14: byte(i >> 8), 15: byte(i)}, 0, l)
		}
		pass(6 * time.Second)
		if n := store.compared.Swap(0); n != silentRooms {
			t.Fatalf("%d rooms are compared at first", n)
		}
		f(t, s, store, l)
	})
}

// TestRoomsThatAreSilentAreNotCompared: but for once in five minutes, and when they begin to be followed.
func TestRoomsThatAreSilentAreNotCompared(t *testing.T) {
	withTelling(t, func(t *testing.T, s *room.Service, store *telling, l *hearer) {
		pass(5*time.Minute - 10*time.Second)
		if n := store.compared.Swap(0); n != 0 {
			t.Errorf("%d silent rooms are compared", n)
		}
		pass(15 * time.Second)
		if n := store.compared.Swap(0); n != silentRooms {
			t.Errorf("%d rooms are compared after five minutes", n)
		}
		// Between the look at the room and the follow nobody hears what is committed.
		late := uuid.UUID{1}
		store.elsewhere(t, late)
		pass(6 * time.Second)
		s.Follow(late, 0, l)
		pass(6 * time.Second)
		if n := store.compared.Swap(0); n != 1 || len(l.events) != 1 {
			t.Errorf("%d rooms are compared, %d events told", n, len(l.events))
		}
	})
}

// TestALostNoticeIsFoundByTheRoomsThatWereWritten: within five seconds, by a look at that room
// alone; what this node has told is not looked at.
func TestALostNoticeIsFoundByTheRoomsThatWereWritten(t *testing.T) {
	withTelling(t, func(t *testing.T, s *room.Service, store *telling, l *hearer) {
		store.elsewhere(t, uuid.UUID{15: 7})
		pass(5500 * time.Millisecond)
		if n := store.compared.Swap(0); n != 1 || len(l.events) != 1 {
			t.Errorf("%d rooms are compared, %d events told", n, len(l.events))
		}
		store.away.Store(true)
		store.elsewhere(t, uuid.UUID{15: 8})
		pass(15 * time.Second)
		store.away.Store(false)
		pass(6 * time.Second)
		if n := store.compared.Swap(0); n != 1 || len(l.events) != 2 {
			t.Errorf("after an outage %d rooms are compared, %d events told", n, len(l.events))
		}
		s.Submit(messageTo(uuid.UUID{15: 9}, "told"))
		store.elsewhere(t, uuid.UUID{3}) // nobody here follows it
		pass(6 * time.Second)
		if n := store.compared.Swap(0); n != 0 || len(l.events) != 3 {
			t.Errorf("%d rooms are compared of which nothing is missing, %d events told", n, len(l.events))
		}
	})
}

// TestAllRoomsAreComparedOnAnotherTimeline: at once, and once, whatever is told to be written.
func TestAllRoomsAreComparedOnAnotherTimeline(t *testing.T) {
	withTelling(t, func(t *testing.T, s *room.Service, store *telling, l *hearer) {
		store.timeline.Store(2)
		pass(3 * time.Second)
		if n := store.compared.Swap(0); n != silentRooms {
			t.Errorf("%d rooms are compared", n)
		}
		pass(10 * time.Second)
		if n := store.compared.Swap(0); n != 0 {
			t.Errorf("later %d rooms are compared", n)
		}
	})
}

// TestARoomThatCouldNotBeReadIsComparedAgain: by the next poll, though it is not written any more.
func TestARoomThatCouldNotBeReadIsComparedAgain(t *testing.T) {
	withTelling(t, func(t *testing.T, s *room.Service, store *telling, l *hearer) {
		id := uuid.UUID{15: 7}
		store.unreadable.Store(&id)
		store.elsewhere(t, id)
		pass(11 * time.Second)
		if len(l.events) != 0 || store.compared.Swap(0) == 0 {
			t.Errorf("%d events told", len(l.events))
		}
		store.unreadable.Store(nil)
		pass(6 * time.Second)
		if n := store.compared.Swap(0); n != 1 || len(l.events) != 1 {
			t.Errorf("once it can be read: %d rooms are compared, %d events told", n, len(l.events))
		}
		pass(6 * time.Second)
		if n := store.compared.Swap(0); n != 0 {
			t.Errorf("later %d rooms are compared", n)
		}
	})
}

// TestNumbersOfARoomThatWasSetBack: what comes after it does not hide it.
func TestNumbersOfARoomThatWasSetBack(t *testing.T) {
	id := uuid.UUID{1}
	for _, seqs := range [][]int64{{7, -1, 8}, {-1, 8, 7}, {8, 7, -1}} {
		if n := room.NewNumbers("", []uuid.UUID{id, id, id}, seqs); n.Of[id] != -1 {
			t.Errorf("%v: %d", seqs, n.Of[id])
		}
	}
	if n := room.NewNumbers("", []uuid.UUID{id, id}, []int64{8, 7}); n.Of[id] != 8 {
		t.Errorf("%d", n.Of[id])
	}
}
