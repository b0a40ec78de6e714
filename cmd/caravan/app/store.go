package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/postgres"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/room"
)

// Store is a store as both of them are.
type Store interface {
	room.Store
	room.AttachmentStore
	persist.Seeder
	persist.Rows
	SetQuotas(persist.Quotas)
	Durability(context.Context) (*persist.Durability, error)
	// Deployment returns an id that all nodes on the database have in common.
	Deployment(context.Context) (uuid.UUID, error)
	// NoteNode notes that a node lives, and returns those that do.
	NoteNode(ctx context.Context, node room.Neighbour, lately time.Duration, most int) ([]room.Neighbour, error)
	// TakeOvers returns how often another primary has taken over since the start.
	TakeOvers() int64
	// Secret returns the secret of that name, which they all share.
	Secret(ctx context.Context, name string) ([]byte, error)
}

// databaseRetry is the pause between attempts to reach the database.
const databaseRetry = 500 * time.Millisecond

// OpenStore opens the configured store and brings its schema up to date. A
// database that cannot be reached, or that a former server still drains into, is tried
// again for as long as the configuration says; every other error is final.
func OpenStore(ctx context.Context, cfg *config.Config, log *slog.Logger) (Store, error) {
	return openStore(ctx, cfg, math.MaxInt64, log)
}

// openStore is OpenStore where SQLite may keep so many bytes of the file in memory.
func openStore(ctx context.Context, cfg *config.Config, cacheBytes int64, log *slog.Logger) (Store, error) {
	s, err := retry(ctx, cfg.DatabaseWait, log, func() (Store, error) {
		if path, ok := strings.CutPrefix(cfg.Database, sqlitePrefix); ok {
			return sqlite.OpenWithin(ctx, path, cacheBytes, log)
		}
		return openPostgres(ctx, cfg, log)
	})
	if err == nil {
		s.SetQuotas(quotas(cfg))
	}
	return s, err
}

func openPostgres(ctx context.Context, cfg *config.Config, log *slog.Logger) (Store, error) {
	s, err := postgres.Open(ctx, postgres.Config{URL: cfg.Database, Writers: writers(cfg), Moved: cfg.Moved, Log: log})
	if err != nil {
		return nil, err
	}
	if err := s.Migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// CheckDatabase says what is in the way of Caravan in the configured database. It changes nothing.
func CheckDatabase(ctx context.Context, cfg *config.Config, log *slog.Logger) (persist.Checklist, error) {
	return retry(ctx, cfg.DatabaseWait, log, func() (persist.Checklist, error) {
		if path, ok := strings.CutPrefix(cfg.Database, sqlitePrefix); ok {
			return sqlite.Check(ctx, path, cfg.Roles)
		}
		return postgres.Check(ctx, postgres.Config{URL: cfg.Database, Moved: cfg.Moved, Log: log}, cfg.Roles)
	})
}

// RightsTriggers returns the SQL of --rights-triggers.
func RightsTriggers(ctx context.Context, cfg *config.Config, log *slog.Logger) (string, error) {
	if isSQLite(cfg.Database) {
		return "", errors.New("--rights-triggers is for PostgreSQL: the one server of an SQLite file looks at all members")
	}
	return retry(ctx, cfg.DatabaseWait, log, func() (string, error) {
		return postgres.RightsTriggers(ctx, postgres.Config{URL: cfg.Database}, cfg.RightsTriggers == "drop")
	})
}

// Backup copies the file of the embedded store, beside a server too, and returns how many bytes
// the copy has.
func Backup(ctx context.Context, cfg *config.Config) (bytes int64, err error) {
	return sqlite.Backup(ctx, strings.TrimPrefix(cfg.Database, sqlitePrefix), cfg.To)
}

const sqlitePrefix = "sqlite:"

func isSQLite(database string) bool { return strings.HasPrefix(database, sqlitePrefix) }

// Seeder writes the application's rows and is closed after it.
type Seeder interface {
	persist.Seeder
	persist.Rows
	Close() error
}

// OpenSeeder opens the configured store for seeding. Unlike OpenStore it may be
// called while a server runs on the same database.
func OpenSeeder(ctx context.Context, cfg *config.Config, log *slog.Logger) (Seeder, error) {
	if path, ok := strings.CutPrefix(cfg.Database, sqlitePrefix); ok {
		return retry(ctx, cfg.DatabaseWait, log, func() (Seeder, error) { return sqlite.OpenSeeder(ctx, path, log) })
	}
	return OpenStore(ctx, cfg, log)
}

// Rows are the application's rows, and are closed after they were changed or listed.
type Rows interface {
	persist.Rows
	Close() error
}

// OpenRows opens the configured store for the application's rows, beside a server too. It makes
// and migrates nothing: where the tables are not there, it or what is done fails with
// persist.ErrNoTables.
func OpenRows(ctx context.Context, cfg *config.Config, readOnly bool, log *slog.Logger) (Rows, error) {
	if path, ok := strings.CutPrefix(cfg.Database, sqlitePrefix); ok {
		if readOnly {
			return sqlite.OpenRowsToRead(path)
		}
		return sqlite.OpenRows(path)
	}
	return retry(ctx, cfg.DatabaseWait, log, func() (Rows, error) {
		return postgres.Open(ctx, postgres.Config{URL: cfg.Database, Log: log})
	})
}

// FileRows are the rows of files, and are closed after they were read.
type FileRows interface {
	Attachment(context.Context, uuid.UUID) (room.StoredAttachment, error)
	Attachments(ctx context.Context, after uuid.UUID, limit int) ([]room.StoredAttachment, error)
	FindAttachments(context.Context, []uuid.UUID) (map[uuid.UUID]room.StoredAttachment, error)
	Close() error
}

// OpenFileRows opens the configured store as OpenRows does, to read the rows of files.
func OpenFileRows(ctx context.Context, cfg *config.Config, log *slog.Logger) (FileRows, error) {
	if path, ok := strings.CutPrefix(cfg.Database, sqlitePrefix); ok {
		return sqlite.OpenRowsToRead(path)
	}
	return retry(ctx, cfg.DatabaseWait, log, func() (FileRows, error) {
		return postgres.Open(ctx, postgres.Config{URL: cfg.Database, Log: log})
	})
}

// Seed writes seeds. An application's own tables may ask for more than Caravan
// knows of; the error says which column it is, in the database's words, and what
// to do.
func Seed(ctx context.Context, s persist.Seeder, seeds *persist.Seeds) error {
	err := s.Seed(ctx, seeds)
	return ForeignRows(ctx, err)
}

// missingValue is what PostgreSQL and SQLite say of a column that needs a value.
var missingValue = regexp.MustCompile(`\(SQLSTATE 23502\)|NOT NULL constraint failed`)

// ForeignRows adds to an error of rows that could not be written what to do, where another
// column needs a value.
func ForeignRows(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || !missingValue.MatchString(err.Error()) {
		return err
	}
	return fmt.Errorf("%w: caravan fills in only the columns that it reads: give the others a default or let them be null, "+
		"or add users, trips and collaborators by the application's own means", err)
}

// retry calls open until it succeeds, fails for good, or the wait is over.
func retry[T any](ctx context.Context, wait time.Duration, log *slog.Logger, open func() (T, error)) (T, error) {
	var none T
	until := time.Now().Add(wait)
	for told := false; ; told = true {
		opened, err := open()
		if err == nil {
			return opened, nil
		}
		passes := errors.Is(err, room.ErrStoreDown) || errors.Is(err, sqlite.ErrInUse)
		if !passes || time.Now().Add(databaseRetry).After(until) {
			return none, err
		}
		if !told {
			log.Warn("the database cannot be used yet", "wait", wait, "error", err)
		}
		select {
		case <-time.After(databaseRetry):
		case <-ctx.Done():
			return none, fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}
