package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

// Dialect names the kind of database.
type Dialect string

// The dialects that there are migrations for.
const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// ErrNewer says that a newer program has changed the schema already.
var ErrNewer = errors.New("the database has a newer schema than this program knows")

// versionTable is our own, so that an application may use goose for its tables.
const versionTable = "caravan_schema_version"

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Up brings the schema up to date and returns the versions before and after. It
// is safe when several nodes start at once: on PostgreSQL they take turns
// under an advisory lock, which takes a second connection of db; a SQLite file
// has one writer anyway. It waits for that as long as ctx allows.
func Up(ctx context.Context, db *sql.DB, dialect Dialect, log *slog.Logger) (from, to int64, err error) {
	if dialect == Postgres {
		err = numberAdopted(ctx, db, log)
	}
	if err == nil {
		from, to, err = steps(ctx, db, dialect, log)
	}
	if err == nil && dialect == Postgres {
		err = makeIndexes(ctx, db, log)
	}
	if err != nil {
		err = fmt.Errorf("migrations: %w", err)
	}
	return from, to, err
}

// steps does what is numbered.
func steps(ctx context.Context, db *sql.DB, dialect Dialect, log *slog.Logger) (from, to int64, err error) {
	versions := versionTable
	if dialect == Postgres {
		unlock, err := lock(ctx, db)
		if err != nil {
			return 0, 0, err
		}
		defer unlock()
		if versions, err = findVersionTable(ctx, db); err != nil {
			return 0, 0, err
		}
	}
	provider, err := newProvider(db, dialect, versions, log)
	if err != nil {
		return 0, 0, err
	}

	from, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return 0, 0, err
	}
	if from > newest {
		return from, from, fmt.Errorf("%w: it is at version %d, this program knows up to %d", ErrNewer, from, newest)
	}
	large, err := mayBeLarge(ctx, db, dialect, from)
	if err != nil {
		return from, from, err
	}
	if large && from < newest {
		defer tellProgress(log, from, newest)()
	}
	err = untilLocked(ctx, log, func() error {
		done, err := provider.Up(ctx)
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			done = partial.Applied
		}
		tell(log, from, done)
		return err
	})
	if err != nil {
		return from, from, err
	}
	return from, newest, nil
}

// mayBeLarge reports whether there can be messages already: of a former version, or of the
// service that Caravan replaces. On PostgreSQL those have been numbered before.
func mayBeLarge(ctx context.Context, db *sql.DB, dialect Dialect, from int64) (large bool, err error) {
	if from > 0 || dialect != SQLite {
		return from > 0, nil
	}
	err = db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'chat_messages' COLLATE NOCASE)").Scan(&large)
	return large, err
}

// tell says in one line which steps were done, and of each how long it took where that is asked for.
func tell(log *slog.Logger, from int64, done []*goose.MigrationResult) {
	var took time.Duration
	for _, step := range done {
		log.Debug("a step of the schema", "version", step.Source.Version, "took", step.Duration)
		took += step.Duration
	}
	if n := len(done); n > 0 {
		log.Info("schema migrated", "from", from, "version", done[n-1].Source.Version, "took", took.Round(time.Millisecond))
	}
}

// Newest returns the version that Up brings a schema to.
func Newest(dialect Dialect) (newest int64) {
	entries, err := files.ReadDir(string(dialect))
	if err != nil {
		return 0 // there is no such dialect
	}
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "_")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			newest = max(newest, n)
		}
	}
	return newest
}

// findVersionTable returns the version table's name, with its schema where that
// is not the first one of the search path: there goose would make another.
func findVersionTable(ctx context.Context, db *sql.DB) (string, error) {
	var schema string
	err := db.QueryRowContext(ctx, `SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid = to_regclass($1) AND n.nspname IS DISTINCT FROM current_schema() AND n.nspname = quote_ident(n.nspname)`, versionTable).Scan(&schema)
	if errors.Is(err, sql.ErrNoRows) {
		return versionTable, nil
	}
	return schema + "." + versionTable, err
}

func newProvider(db *sql.DB, dialect Dialect, versions string, log *slog.Logger) (*goose.Provider, error) {
	dir, err := fs.Sub(files, string(dialect))
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithTableName(versions), goose.WithDisableGlobalRegistry(true)}
	switch dialect {
	case Postgres:
		return goose.NewProvider(goose.DialectPostgres, db, dir, options...)
	case SQLite:
		options = append(options, goose.WithGoMigrations(
			goose.NewGoMigration(1, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
				return adoptSQLite(ctx, tx, log)
			}}, nil),
			goose.NewGoMigration(9, &goose.GoFunc{RunTx: changesSQLite}, nil),
			goose.NewGoMigration(19, &goose.GoFunc{RunTx: clientKeySQLite}, nil)))
		return goose.NewProvider(goose.DialectSQLite3, db, dir, options...)
	}
	return nil, fmt.Errorf("unknown dialect %q", dialect)
}
