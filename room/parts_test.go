package room_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

// damaged is a store that cannot read what belongs to one room.
type damaged struct {
	room.Store
	trip, id uuid.UUID
}

func (s *damaged) Access(ctx context.Context, questions []room.AccessQuestion) ([]room.Access, error) {
	if slices.ContainsFunc(questions, func(q room.AccessQuestion) bool { return q.Place == s.trip }) {
		return nil, room.ErrUnreadable
	}
	return s.Store.Access(ctx, questions)
}

func (s *damaged) Latest(ctx context.Context, rooms []uuid.UUID, limit room.Limit) ([]room.Page, error) {
	if slices.Contains(rooms, s.id) {
		return nil, room.ErrUnreadable
	}
	return s.Store.Latest(ctx, rooms, limit)
}

// TestWhatCannotBeReadHarmsOnlyItsRoom: newcomers to all rooms come at once, so that
// many are in one look, and members of all rooms are checked together.
func TestWhatCannotBeReadHarmsOnlyItsRoom(t *testing.T) {
	h := open(t, room.Config{})
	store := &damaged{Store: h.store, trip: persist.FleetTrip(1), id: h.rooms[1].ID}
	s := room.New(store, nil, nil, room.Config{HistoryMessages: 10})
	t.Cleanup(s.Close)

	type answer struct {
		in  int
		err error
	}
	answers := make(chan answer, 300)
	for i := range 300 {
		s.History(h.rooms[i%3].Told(), nil, func(_ *room.History, err error) { answers <- answer{i % 3, err} })
	}
	for range 300 {
		a := await.Value(t, "a history", answers)
		if failed := a.err != nil; failed != (a.in == 1) {
			t.Fatalf("room %d: %v", a.in, a.err)
		}
	}

	questions := make([]room.AccessQuestion, 2_500) // several looks
	for i := range questions {
		questions[i] = room.AccessQuestion{User: persist.FleetUser(i % 9), Place: persist.FleetTrip(i % 3), TripOnly: true}
	}
	access, errs := s.Recheck(t.Context(), questions)
	for i, a := range access {
		if i%3 == 1 {
			if !errors.Is(errs[i], room.ErrUnavailable) {
				t.Fatalf("member %d of the damaged room: %+v, %v", i, a, errs[i])
			}
		} else if errs[i] != nil || !a.Allowed {
			t.Fatalf("member %d: %+v, %v", i, a, errs[i])
		}
	}
}
