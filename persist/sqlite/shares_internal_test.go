package sqlite

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

// TestSlowRepairsKeepNobodyOut: as many connections as repairs may take are taken. Others
// are served, and a further repair ends with its context.
func TestSlowRepairsKeepNobodyOut(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "caravan.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	repair := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := s.Walk(ctx, room.WalkQuery{Room: uuid.New(), Limit: room.Limit{Messages: 1}})
		return err
	}
	taken := 0
	for ; repair() == nil; taken++ {
		done, err := s.shares.Missed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		conn, err := s.read.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if taken == 0 || taken >= readers() {
		t.Errorf("repairs take %d of %d connections", taken, readers())
	}
	if _, err := s.Access(t.Context(), []room.AccessQuestion{{User: uuid.New(), Place: uuid.New()}}); err != nil {
		t.Error(err)
	}
	if readers() <= 2 {
		return
	}
	if _, err := s.OwnReactions(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if _, err := s.Latest(t.Context(), []uuid.UUID{uuid.New()}, room.Limit{Messages: 1}); err != nil {
		t.Error(err)
	}
	if _, err := s.Heads(t.Context(), []uuid.UUID{uuid.New()}); err != nil {
		t.Error(err)
	}
}

// TestSlowReactionsKeepNobodyOut: as many connections as reads beside the question who may
// enter may take are taken. What asks for reactions waits, and what one user asks is answered.
func TestSlowReactionsKeepNobodyOut(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "caravan.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range readers() - 1 {
		done, err := s.shares.Besides(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer done()
	}
	question := room.OwnQuestion{User: uuid.New(), Messages: []uuid.UUID{uuid.New()}}
	for name, ask := range map[string]func(context.Context) error{
		"own reactions": func(ctx context.Context) error {
			_, err := s.OwnReactions(ctx, []room.OwnQuestion{question})
			return err
		},
		"due summaries": func(ctx context.Context) error { _, err := s.DueSummaries(ctx, 0, 10); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if ask(ctx) == nil {
			t.Errorf("%s leave no connection to who wants to enter", name)
		}
		cancel()
	}
	if _, err := s.MyReactions(t.Context(), question); err != nil {
		t.Error(err)
	}
	if _, err := s.Access(t.Context(), []room.AccessQuestion{{User: uuid.New(), Place: uuid.New()}}); err != nil {
		t.Error(err)
	}
}
