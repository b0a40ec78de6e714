package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/room"
)

// Store is a store as both of them are.
type Store interface {
	room.Store
	persist.Seeder
}

// databaseRetry is the pause between attempts to reach the database.
const databaseRetry = 500 * time.Millisecond

// OpenStore opens the configured store and brings its schema up to date. A
// database that cannot be reached is tried again for as long as the
// configuration says; every other error is final.
func OpenStore(ctx context.Context, cfg *config.Config, log *slog.Logger) (Store, error) {
	return retry(ctx, cfg.DatabaseWait, log, func() (Store, error) { return openStore(ctx, cfg.Database, log) })
}

func openStore(ctx context.Context, database string, log *slog.Logger) (Store, error) {
	if path, ok := strings.CutPrefix(database, sqlitePrefix); ok {
		return sqlite.Open(ctx, path, log)
	}
	return nil, errors.New("this database is not supported")
}

const sqlitePrefix = "sqlite:"

func isSQLite(database string) bool { return strings.HasPrefix(database, sqlitePrefix) }

// Seeder writes the application's rows and is closed after it.
type Seeder interface {
	persist.Seeder
	Close() error
}

// OpenSeeder opens the configured store for seeding. Unlike OpenStore it may be
// called while a server runs on the same database.
func OpenSeeder(ctx context.Context, cfg *config.Config, log *slog.Logger) (Seeder, error) {
	if path, ok := strings.CutPrefix(cfg.Database, sqlitePrefix); ok {
		return sqlite.OpenSeeder(ctx, path, log)
	}
	return OpenStore(ctx, cfg, log)
}

// retry calls open until it succeeds, fails for good, or the wait is over.
func retry[T any](ctx context.Context, wait time.Duration, log *slog.Logger, open func() (T, error)) (T, error) {
	until := time.Now().Add(wait)
	for told := false; ; told = true {
		opened, err := open()
		if err == nil {
			return opened, nil
		}
		if !errors.Is(err, room.ErrStoreDown) || time.Now().Add(databaseRetry).After(until) {
			return opened, err
		}
		if !told {
			log.Warn("the database cannot be reached yet", "wait", wait, "error", err)
		}
		select {
		case <-time.After(databaseRetry):
		case <-ctx.Done():
			return opened, fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}
