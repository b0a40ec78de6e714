package room_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// busy is a store that reads what changed only when it is let.
type busy struct {
	room.Store
	let   chan struct{}
	looks atomic.Int64
}

func (s *busy) Walk(ctx context.Context, q room.WalkQuery) (room.Walk, error) {
	s.looks.Add(1)
	<-s.let
	return s.Store.Walk(ctx, q)
}

func (s *busy) Walks(ctx context.Context, queries []room.WalkQuery) ([]room.Walk, error) {
	s.looks.Add(1)
	return s.Store.Walks(ctx, queries)
}

// TestNothingIsReadForWhoHasLeft lets clients come, ask where no two stand alike,
// and go, while the store is busy.
func TestNothingIsReadForWhoHasLeft(t *testing.T) {
	h := open(t, room.Config{})
	store := &busy{Store: h.store, let: make(chan struct{})}
	s := room.New(store, nil, nil, room.Config{})
	t.Cleanup(s.Close)
	id := h.rooms[0].ID

	const workers = 4
	answers := make(chan error, workers+1)
	ask := func(since int64) {
		s.Resume(protocol.RoomInfo{Room: id}, room.SinceQuery{User: uuid.New(), Since: since}, nil, func(_ *room.History, err error) { answers <- err })
	}
	for i := range int64(workers) {
		ask(i)
		await.Until(t, "one more worker is busy", func() bool { return store.looks.Load() == i+1 })
	}
	ended, end := context.WithCancel(t.Context())
	end()
	for i := range int64(100) {
		s.Resume(protocol.RoomInfo{Room: id}, room.SinceQuery{User: uuid.New(), Since: 1_000 + i}, func() bool { return true }, func(*room.History, error) { t.Error("who has left was answered") })
		if _, err := s.Since(ended, room.SinceQuery{User: uuid.New(), Room: id, Since: 2_000 + i, Limit: 50}); err == nil {
			t.Error("a call whose time is over was answered")
		}
	}
	ask(workers)
	close(store.let)
	for range workers + 1 {
		if err := await.Value(t, "an answer", answers); err != nil {
			t.Error(err)
		}
	}
	if n := store.looks.Load(); n != workers+1 {
		t.Errorf("%d looks into the store for %d that waited", n, workers+1)
	}
}

// asked is a store that says which reactions are whose only when it is let.
type asked struct {
	room.Store
	let   chan struct{}
	looks atomic.Int64
}

func (s *asked) OwnReactions(ctx context.Context, questions []room.OwnQuestion) ([]room.OwnReactions, error) {
	s.looks.Add(1)
	<-s.let
	return s.Store.OwnReactions(ctx, questions)
}

// TestClientsThatComeBackAskTogetherWhichReactionsAreTheirs: a room of 1,000 that come back at
// once is a few looks. Each is told of all messages that it asks about.
func TestClientsThatComeBackAskTogetherWhichReactionsAreTheirs(t *testing.T) {
	h := open(t, room.Config{})
	store := &asked{Store: h.store, let: make(chan struct{})}
	s := room.New(store, nil, nil, room.Config{})
	t.Cleanup(s.Close)
	past := &room.History{Nameless: []uuid.UUID{uuid.New(), uuid.New()}}
	const clients = 1_000
	answers := make(chan room.OwnReactions, clients)
	ask := func() {
		s.OwnReactions(uuid.New(), past, nil, func(own room.OwnReactions, err error) {
			if err != nil {
				t.Error(err)
			}
			answers <- own
		})
	}
	ask()
	await.Until(t, "the first look is under way", func() bool { return store.looks.Load() == 1 })
	for range clients - 1 {
		ask()
	}
	close(store.let)
	for range clients {
		own := await.Value(t, "an answer", answers)
		for _, id := range past.Nameless {
			if emoji, told := own[id]; !told || len(emoji) > 0 {
				t.Fatalf("%v", own)
			}
		}
	}
	if n := store.looks.Load(); n > 5 {
		t.Errorf("%d looks for %d clients", n, clients)
	}
}
