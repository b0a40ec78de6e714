package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

// Busy checks a store of which all connections for what clients ask to read are taken:
// it serves everybody else, and such reads end with their context. The user may enter
// the place, which has the room.
func Busy(t *testing.T, s Store, user, place, id uuid.UUID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	rooms, limit := []uuid.UUID{id}, room.Limit{Messages: 10}
	for name, call := range map[string]func() error{
		"Ping": func() error { return s.Ping(ctx) },
		"Access": func() error {
			_, err := s.Access(ctx, []room.AccessQuestion{{User: user, Place: place}})
			return err
		},
		"Latest": func() error { _, err := s.Latest(ctx, rooms, limit); return err },
		"Heads":  func() error { _, err := s.Heads(ctx, rooms); return err },
		"Head":   func() error { _, _, err := s.Head(ctx, id); return err },
		"Walk":   func() error { _, err := s.Walk(ctx, room.WalkQuery{Room: id, Limit: limit}); return err },
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, call := range map[string]func(context.Context) error{
		"Walk for a client": func(ctx context.Context) error {
			_, err := s.Walk(ctx, room.WalkQuery{Room: id, Limit: limit, Bulk: true})
			return err
		},
		"Walks for clients": func(ctx context.Context) error {
			q := room.WalkQuery{Room: id, Limit: limit, Bulk: true}
			_, err := s.Walks(ctx, []room.WalkQuery{q, q})
			return err
		},
		"Before":  func(ctx context.Context) error { _, err := s.Before(ctx, id, 1, limit); return err },
		"After":   func(ctx context.Context) error { _, err := s.After(ctx, id, 0, limit); return err },
		"Message": func(ctx context.Context) error { _, err := s.Message(ctx, id); return err },
		"Rooms":   func(ctx context.Context) error { _, err := s.Rooms(ctx, user, uuid.Nil, limit); return err },
	} {
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := call(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, though there was no connection for it", name, err)
		}
		cancel()
	}
}
