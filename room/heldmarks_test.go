package room_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// marking is a store of marks, in memory.
type marking struct {
	*memory

	mu      sync.Mutex
	away    bool
	commits int
	rows    map[room.ReadBy]int64 // by user; Seq and Via are not set
	few     []protocol.ReadMark
	many    bool // there are too many collaborators to be few
	looks   int
}

func newMarking() *marking {
	return &marking{memory: newMemory(), rows: make(map[room.ReadBy]int64)}
}

func (m *marking) Append(_ context.Context, batch []*room.Op, _ room.Within) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return room.ErrNotStored
	}
	m.commits++
	for _, op := range batch {
		op.Outcome = room.Stored
		if of := (room.ReadBy{User: op.Sender.ID}); m.rows[of] < op.UpTo {
			m.rows[of], op.Raised = op.UpTo, op.UpTo
		}
	}
	return nil
}

func (m *marking) MarksOfFew(context.Context, uuid.UUID, int) ([]protocol.ReadMark, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looks++
	return m.few, !m.many, nil
}

// now are the commits so far, and how far a user has read.
func (m *marking) now(user uuid.UUID) (commits int, seq int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.commits, m.rows[room.ReadBy{User: user}]
}

func (m *marking) setAway(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
}

// markReader is the n-th of many users.
func markReader(n int) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n)+1)
	return id
}

func readOp(user int, seq int64) *room.Op {
	return &room.Op{Intent: protocol.Intent{Kind: protocol.KindRead, UpTo: seq}, Room: roomA, Sender: protocol.User{ID: markReader(user)}, At: time.Now()}
}

// marksOf runs f with a service over such a store, in a time of its own.
func marksOf(t *testing.T, cfg room.Config, plane room.Backplane, f func(*testing.T, *room.Service, *marking)) {
	synctest.Test(t, func(t *testing.T) {
		store := newMarking()
		s := room.New(store, nil, plane, cfg)
		defer s.Close()
		f(t, s, store)
	})
}

// TestAThousandMembersWhoReadAreFewCommits: the greatest number of each is stored.
func TestAThousandMembersWhoReadAreFewCommits(t *testing.T) {
	const users, each = 1_000, 5
	marksOf(t, room.Config{}, nil, func(t *testing.T, s *room.Service, store *marking) {
		var marks []*room.Op
		for u := range users {
			for n := range each {
				marks = append(marks, readOp(u, int64(u+n)))
			}
		}
		rand.Shuffle(len(marks), func(i, j int) { marks[i], marks[j] = marks[j], marks[i] })
		var devices sync.WaitGroup
		for part := range slices.Chunk(marks, users) {
			devices.Go(func() {
				for _, op := range part {
					s.MarkRead(op)
				}
			})
		}
		devices.Wait()
		pass(2 * time.Second)
		for u := range users {
			commits, seq := store.now(markReader(u))
			if seq != int64(u+each-1) || commits > 4 {
				t.Fatalf("user %d has read up to %d, want %d; %d commits", u, seq, u+each-1, commits)
			}
		}
		if st := s.Stats(); st.MarksHeldNow != 0 || st.MarksDropped != 0 || st.Stored[protocol.KindRead] != users {
			t.Errorf("%d kept, %d dropped, %d stored", st.MarksHeldNow, st.MarksDropped, st.Stored[protocol.KindRead])
		}
	})
}

// TestOneWhoReadsOnIsACommitASecond, and the first mark is stored soon.
func TestOneWhoReadsOnIsACommitASecond(t *testing.T) {
	marksOf(t, room.Config{}, nil, func(t *testing.T, s *room.Service, store *marking) {
		s.MarkRead(readOp(0, 1))
		pass(200 * time.Millisecond)
		if commits, seq := store.now(markReader(0)); commits != 1 || seq != 1 {
			t.Errorf("%d commits, up to %d", commits, seq)
		}
		for n := range int64(100) {
			s.MarkRead(readOp(0, 2+n))
			pass(100 * time.Millisecond)
		}
		pass(time.Second)
		if commits, seq := store.now(markReader(0)); commits > 13 || seq != 101 {
			t.Errorf("%d commits in 11 s, up to %d", commits, seq)
		}
		commits, _ := store.now(markReader(0))
		for _, seq := range []int64{0, -1} {
			s.MarkRead(readOp(0, seq))
		}
		pass(2 * time.Second)
		if again, _ := store.now(markReader(0)); again != commits {
			t.Error("a mark of nothing was stored")
		}
	})
}

// TestAMarkIsKeptWhileTheStoreIsAway, and the greatest is stored when it is back.
func TestAMarkIsKeptWhileTheStoreIsAway(t *testing.T) {
	marksOf(t, room.Config{}, nil, func(t *testing.T, s *room.Service, store *marking) {
		store.setAway(true)
		s.MarkRead(readOp(0, 7))
		pass(time.Minute)
		s.MarkRead(readOp(0, 5))
		s.MarkRead(readOp(1, 5))
		pass(time.Minute)
		store.setAway(false)
		pass(5 * time.Second)
		_, zero := store.now(markReader(0))
		if _, one := store.now(markReader(1)); zero != 7 || one != 5 || s.Stats().MarksDropped != 0 {
			t.Errorf("up to %d and %d, %d dropped", zero, one, s.Stats().MarksDropped)
		}
	})
}

// TestMoreMarksThanAreKeptAreStoredAtOnce: none is lost while the lanes have room, and what
// is kept is bounded.
func TestMoreMarksThanAreKeptAreStoredAtOnce(t *testing.T) {
	const users = 70_000
	marksOf(t, room.Config{QueueOps: 80_000}, nil, func(t *testing.T, s *room.Service, store *marking) {
		for u := range users {
			s.MarkRead(readOp(u, 3))
			if u%10_000 == 0 {
				if held := s.Stats().MarksHeldNow; held > 65_536 {
					t.Fatalf("%d are kept", held)
				}
			}
		}
		synctest.Wait()
		pass(5 * time.Second)
		for u := range users {
			if _, seq := store.now(markReader(u)); seq != 3 {
				t.Fatalf("user %d has read up to %d", u, seq)
			}
		}
		if dropped := s.Stats().MarksDropped; dropped != 0 {
			t.Errorf("%d dropped", dropped)
		}
	})
}

// TestMarksThatFindNoPlaceAreCounted: neither with the lanes nor where they are kept.
func TestMarksThatFindNoPlaceAreCounted(t *testing.T) {
	const users = 110_000
	marksOf(t, room.Config{QueueOps: 20_000, Lanes: 1}, nil, func(t *testing.T, s *room.Service, store *marking) {
		store.setAway(true)
		for u := range users {
			s.MarkRead(readOp(u, 3))
		}
		synctest.Wait()
		if st := s.Stats(); st.MarksHeldNow > 65_536 || st.MarksDropped == 0 {
			t.Errorf("%d are kept, %d dropped", st.MarksHeldNow, st.MarksDropped)
		}
		store.setAway(false)
		pass(time.Minute) // some at a time: the lane is small
		stored := 0
		for u := range users {
			if _, seq := store.now(markReader(u)); seq == 3 {
				stored++
			}
		}
		if st := s.Stats(); stored < users-int(st.MarksDropped) || st.MarksHeldNow != 0 {
			t.Errorf("%d of %d are stored, %d dropped, %d kept", stored, users, st.MarksDropped, st.MarksHeldNow)
		}
	})
}

// TestWhoLeavesHasTheirMarkStored at once, and so has everybody where the node drains.
func TestWhoLeavesHasTheirMarkStored(t *testing.T) {
	marksOf(t, room.Config{}, nil, func(t *testing.T, s *room.Service, store *marking) {
		s.LeftRoom(roomA, markReader(0)) // who has none
		s.MarkRead(readOp(0, 4))
		s.MarkRead(readOp(1, 5))
		s.LeftRoom(roomA, markReader(0))
		synctest.Wait()
		_, one := store.now(markReader(1))
		if _, zero := store.now(markReader(0)); zero != 4 || one != 0 {
			t.Errorf("who has left has read up to %d, the other up to %d", zero, one)
		}
		if err := s.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, one := store.now(markReader(1)); one != 5 {
			t.Errorf("after the drain: up to %d", one)
		}
		s.MarkRead(readOp(1, 6))
		synctest.Wait()
		if st := s.Stats(); st.MarksHeldNow != 0 {
			t.Errorf("%d are kept after the drain", st.MarksHeldNow)
		}
	})
}

// TestADrainLosesNoMark that is on its way to a lane, or that one takes who leaves.
func TestADrainLosesNoMark(t *testing.T) {
	const users, rounds = 2_000, 40
	for range rounds {
		marksOf(t, room.Config{QueueOps: 2 * users}, nil, func(t *testing.T, s *room.Service, store *marking) {
			for u := range users {
				s.MarkRead(readOp(u, 3))
			}
			var leave sync.WaitGroup
			leave.Go(func() {
				time.Sleep(100 * time.Millisecond)
				for u := range users {
					s.LeftRoom(roomA, markReader(u))
				}
			})
			time.Sleep(100 * time.Millisecond) // when a pass is due as well
			if err := s.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			leave.Wait()
			for u := range users {
				if _, seq := store.now(markReader(u)); seq != 3 {
					t.Fatalf("user %d has read up to %d; %d marks dropped", u, seq, s.Stats().MarksDropped)
				}
			}
		})
	}
}

// TestMarksThatFindNoPlaceCostLittle: while the store is away, and as many are kept as may be,
// further ones are dropped, and what is kept is not gone through for each.
func TestMarksThatFindNoPlaceCostLittle(t *testing.T) {
	const most, more = 65_536, 200
	marksOf(t, room.Config{QueueOps: 1_000, Lanes: 1}, nil, func(t *testing.T, s *room.Service, store *marking) {
		store.setAway(true)
		for u := range most + 10_000 {
			s.MarkRead(readOp(u, 3))
		}
		pass(time.Second)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for u := range more {
			s.MarkRead(readOp(most+10_000+u, 3))
			pass(time.Millisecond)
		}
		runtime.ReadMemStats(&after)
		if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 32<<20 {
			t.Errorf("%d further marks cost %d MiB", more, bytes>>20)
		}
		if st := s.Stats(); st.MarksDropped == 0 || st.MarksHeldNow > most {
			t.Errorf("%d dropped, %d kept", st.MarksDropped, st.MarksHeldNow)
		}
		store.setAway(false)
	})
}

// TestMarksLeaveRoomForMessages: a lane takes a batch of them, and the next once that is stored.
func TestMarksLeaveRoomForMessages(t *testing.T) {
	const users, batch = 10_000, 500
	marksOf(t, room.Config{Lanes: 1, BatchOps: batch}, nil, func(t *testing.T, s *room.Service, store *marking) {
		release := make(chan struct{})
		s.Submit(&room.Op{Intent: protocol.Intent{Kind: protocol.KindRead, UpTo: 1}, Room: roomA, Sender: protocol.User{ID: markReader(users)}, Answer: func(*room.Op) { <-release }})
		synctest.Wait()
		for u := range users {
			s.MarkRead(readOp(u, 3))
		}
		pass(5 * time.Second)
		if held := s.Stats().MarksHeldNow; held != users-batch {
			t.Errorf("%d wait in the lane, want %d", users-held, batch)
		}
		close(release)
		pass(5 * time.Second)
		for u := range users {
			if _, seq := store.now(markReader(u)); seq != 3 {
				t.Fatalf("user %d has read up to %d", u, seq)
			}
		}
	})
}
