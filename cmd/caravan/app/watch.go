package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/room"
)

const (
	watchEvery   = time.Second
	watchTimeout = 3 * time.Second
)

// storeWatch asks the store from time to time whether it can be reached, so
// that nobody who asks for readiness waits for a database that is away.
type storeWatch struct {
	trouble atomic.Pointer[error] // why it cannot be used; nil: it can
	stop    context.CancelFunc
	running sync.WaitGroup
}

func watchStore(store room.Store, log *slog.Logger) *storeWatch {
	ctx, stop := context.WithCancel(context.Background())
	w := &storeWatch{stop: stop}
	w.running.Go(func() {
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				w.look(ctx, store, log)
			}
		}
	})
	return w
}

func (w *storeWatch) look(ctx context.Context, store room.Store, log *slog.Logger) {
	ping, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	err := store.Ping(ping)
	if ctx.Err() != nil {
		return
	}
	was, is := w.trouble.Load(), (*error)(nil)
	if err != nil {
		is = &err
	}
	w.trouble.Store(is)
	switch {
	case err != nil && (was == nil || isSuperseded(*was) != isSuperseded(err)):
		log.Error("the database cannot be reached", "error", err)
	case was != nil && err == nil:
		log.Info("the database can be reached again")
	}
}

// up says whether the store could be reached when it was last asked.
func (w *storeWatch) up() bool { return w.trouble.Load() == nil }

// obstacle says why not; empty where it could.
func (w *storeWatch) obstacle() string {
	if err := w.trouble.Load(); err != nil {
		return obstacleOf(*err)
	}
	return ""
}

func isSuperseded(err error) bool { return errors.Is(err, room.ErrSuperseded) }

func obstacleOf(err error) string {
	if isSuperseded(err) {
		return room.ErrSuperseded.Error()
	}
	return "database unreachable"
}

func (w *storeWatch) close() {
	w.stop()
	w.running.Wait()
}
