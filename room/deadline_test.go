package room_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// halfOpen is a store whose connections answer nothing: a read ends with its context,
// and it keeps how long that took.
type halfOpen struct {
	*memory

	mu   sync.Mutex
	took []time.Duration
}

func (s *halfOpen) hang(ctx context.Context) error {
	begun := time.Now()
	<-ctx.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, time.Since(begun))
	return fmt.Errorf("%w: %w", room.ErrStoreDown, context.Cause(ctx))
}

func (s *halfOpen) longest() (longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.took {
		longest = max(longest, d)
	}
	return longest
}

func (s *halfOpen) Access(ctx context.Context, _ []room.AccessQuestion) ([]room.Access, error) {
	return nil, s.hang(ctx)
}

func (s *halfOpen) Walk(ctx context.Context, _ room.WalkQuery) (room.Walk, error) {
	return room.Walk{}, s.hang(ctx)
}

func (s *halfOpen) Before(ctx context.Context, _ uuid.UUID, _ int64, _ room.Limit) (room.Page, error) {
	return room.Page{}, s.hang(ctx)
}

func (s *halfOpen) After(ctx context.Context, _ uuid.UUID, _ int64, _ room.Limit) (room.Page, error) {
	return room.Page{}, s.hang(ctx)
}

func (s *halfOpen) RepliesBefore(ctx context.Context, _, _ uuid.UUID, _ int64, _ room.Limit) (room.Page, error) {
	return room.Page{}, s.hang(ctx)
}

func (s *halfOpen) RepliesAfter(ctx context.Context, _, _ uuid.UUID, _ int64, _ room.Limit) (room.Page, error) {
	return room.Page{}, s.hang(ctx)
}

func (s *halfOpen) Pins(ctx context.Context, _ uuid.UUID, _ room.PinCursor, _ room.Limit) (room.Page, error) {
	return room.Page{}, s.hang(ctx)
}

func (s *halfOpen) Message(ctx context.Context, _ uuid.UUID) (protocol.Message, error) {
	return protocol.Message{}, s.hang(ctx)
}

func (s *halfOpen) Rooms(ctx context.Context, _, _ uuid.UUID, _ room.Limit) (room.RoomPage, error) {
	return room.RoomPage{}, s.hang(ctx)
}

func (s *halfOpen) Reading(ctx context.Context, _, _ uuid.UUID) (room.Reading, error) {
	return room.Reading{}, s.hang(ctx)
}

func (s *halfOpen) ReadMarks(ctx context.Context, _, _ uuid.UUID, _ int) (room.ReadMarkPage, error) {
	return room.ReadMarkPage{}, s.hang(ctx)
}

func (s *halfOpen) Readers(ctx context.Context, _ room.ReadersQuery) (room.ReaderPage, error) {
	return room.ReaderPage{}, s.hang(ctx)
}

// TestWhatACallReadsEndsWithTheCall: a look into the store that nobody waits for any more
// gives its connection up, so that the next one gets another.
func TestWhatACallReadsEndsWithTheCall(t *testing.T) {
	user, seq := uuid.New(), int64(7)
	for name, read := range map[string]func(context.Context, *room.Service) error{
		"rights": func(ctx context.Context, s *room.Service) error { _, err := s.Access(ctx, user, roomA); return err },
		"page": func(ctx context.Context, s *room.Service) error {
			_, err := s.Page(ctx, room.PageQuery{User: user, Room: roomA, Limit: 1})
			return err
		},
		"page after": func(ctx context.Context, s *room.Service) error {
			_, err := s.Page(ctx, room.PageQuery{User: user, Room: roomA, After: &seq, Limit: 1})
			return err
		},
		"replies": func(ctx context.Context, s *room.Service) error {
			_, err := s.Page(ctx, room.PageQuery{User: user, Room: roomA, Answer: roomA, Limit: 1})
			return err
		},
		"replies after": func(ctx context.Context, s *room.Service) error {
			_, err := s.Page(ctx, room.PageQuery{User: user, Room: roomA, Answer: roomA, After: &seq, Limit: 1})
			return err
		},
		"pins": func(ctx context.Context, s *room.Service) error {
			_, err := s.Pins(ctx, room.PinsQuery{User: user, Room: roomA})
			return err
		},
		"room": func(ctx context.Context, s *room.Service) error {
			_, err := s.Room(ctx, user, &room.Access{Room: room.Info{ID: roomA}})
			return err
		},
		"resume": func(ctx context.Context, s *room.Service) error {
			_, err := s.Since(ctx, room.SinceQuery{User: user, Room: roomA, Limit: 1})
			return err
		},
		"message": func(ctx context.Context, s *room.Service) error { _, err := s.Message(ctx, user, roomA); return err },
		"rooms": func(ctx context.Context, s *room.Service) error {
			_, err := s.Rooms(ctx, room.RoomsQuery{User: user, Limit: 1})
			return err
		},
		"readers": func(ctx context.Context, s *room.Service) error {
			_, err := s.Readers(ctx, user, room.ReadersQuery{Room: roomA, Limit: 1})
			return err
		},
		"reading": func(ctx context.Context, s *room.Service) error { _, err := s.Reading(ctx, user, roomA); return err },
		"read marks": func(ctx context.Context, s *room.Service) error {
			_, err := s.ReadMarks(ctx, room.ReadMarksQuery{User: user, Room: roomA, Limit: 1})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &halfOpen{memory: newMemory()}
				s := room.New(store, nil, nil, room.Config{})
				defer s.Close()
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				if err := read(ctx, s); !errors.Is(err, room.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
				pass(0)
				if took := store.longest(); took != 3*time.Second {
					t.Errorf("the store was asked for %v", took)
				}
			})
		})
	}
}

// TestALookEndsWithTheLastWhoWaits: the first one's end does not take it from the other.
func TestALookEndsWithTheLastWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &halfOpen{memory: newMemory()}
		s := room.New(store, nil, nil, room.Config{BulkReads: 1})
		defer s.Close()
		ask := func(user uuid.UUID, since int64, patience time.Duration) {
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, _ = s.Since(ctx, room.SinceQuery{User: user, Room: roomA, Since: since, Limit: 1})
			}()
		}
		ask(uuid.New(), 1, time.Second)
		synctest.Wait() // the only worker is busy
		ask(uuid.New(), 2, 2*time.Second)
		ask(uuid.New(), 2, 4*time.Second)
		pass(time.Minute)
		if took := store.longest(); took != 3*time.Second { // from the second on
			t.Errorf("the store was asked for %v", took)
		}
	})
}

// TestWhoPollsOrEntersIsToldInTime: neither has a deadline of its own that is near.
func TestWhoPollsOrEntersIsToldInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := room.New(&halfOpen{memory: newMemory()}, believing{}, nil, room.Config{})
		defer s.Close()
		begun := time.Now()
		told := make(chan error, 2)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := s.Wait(ctx, room.Info{ID: roomA}, room.SinceQuery{User: uuid.New(), Room: roomA, Limit: 1})
			told <- err
		}()
		s.Enter(room.EnterRequest{Bearer: uuid.NewString(), Place: roomA, PlaceOK: true}, func(_ room.Entry, err error) { told <- err })
		for range 2 {
			if err := <-told; !errors.Is(err, room.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		}
		if took := time.Since(begun); took > 11*time.Second {
			t.Errorf("told after %v", took)
		}
	})
}
