package app_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/cmd/caravan/app"
	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist/sqlite"
)

// told is a log that says when something was written to it.
type told chan struct{}

func (c told) Write(b []byte) (int, error) {
	select {
	case c <- struct{}{}:
	default:
	}
	return len(b), nil
}

// TestASQLiteFileIsWaitedForWhileItsFormerServerDrains: and no longer than --database-wait.
func TestASQLiteFileIsWaitedForWhileItsFormerServerDrains(t *testing.T) {
	path := filepath.Join(t.TempDir(), "caravan.db")
	former, err := sqlite.Open(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(config.Migrate, []string{"--database", "sqlite:" + path, "--database-wait", "0s"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.OpenStore(t.Context(), cfg, slog.New(slog.DiscardHandler)); !errors.Is(err, sqlite.ErrInUse) {
		t.Errorf("without a wait: %v", err)
	}

	cfg.DatabaseWait = await.Limit
	waits := make(told, 1)
	opened := make(chan error, 1)
	go func() {
		s, err := app.OpenStore(context.Background(), cfg, slog.New(slog.NewTextHandler(waits, nil)))
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	await.Value(t, "it says that it waits", waits)
	if err := former.Close(); err != nil {
		t.Fatal(err)
	}
	if err := await.Value(t, "the store is open", opened); err != nil {
		t.Error(err)
	}
}
