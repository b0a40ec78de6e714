package socket_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
)

// looking is a store that counts looks for histories.
type looking struct {
	room.Store
	looks atomic.Int64
}

func (l *looking) Latest(ctx context.Context, rooms []uuid.UUID, limit room.Limit) ([]room.Page, error) {
	l.looks.Add(1)
	return l.Store.Latest(ctx, rooms, limit)
}

// TestRoomsThatAreNotInMemoryAreReadTogether: of a subscription some at a time, and each once.
func TestRoomsThatAreNotInMemoryAreReadTogether(t *testing.T) {
	t.Parallel()
	const rooms = 30
	l := new(looking)
	s := serveOn(t, socket.Config{}, func(s room.Store) room.Store {
		l.Store = s
		return l
	})
	if err := s.store.Seed(t.Context(), persist.Fleet(rooms, rooms)); err != nil {
		t.Fatal(err)
	}
	s.exec("DELETE FROM collaborators")
	var ids []string
	for trip := range rooms {
		s.admit(0, trip)
		ids = append(ids, s.roomOfTrip(0, trip))
	}
	ada := s.openUser(0)
	ada.subscribe(slices.Clone(ids)...)
	for _, id := range ids {
		ada.hearHistory(id)
	}
	if n := l.looks.Load(); n > rooms/5 {
		t.Errorf("%d looks", n)
	}
	before := l.looks.Load()
	ada.subscribe(slices.Clone(ids)...) // they are in memory
	for _, id := range ids {
		ada.hearHistory(id)
	}
	if n := l.looks.Load() - before; n != 0 {
		t.Errorf("%d further looks", n)
	}
}
