package postgres

import (
	"cmp"
	"context"
	"errors"
	"log/slog"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/caravan-chat/caravan/migrations"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

// Store is a room.Store and a persist.Seeder on PostgreSQL. Its methods are safe
// for concurrent use.
type Store struct {
	writers *pgxpool.Pool   // Append, and looking up the outcome of its commits
	readers *pgxpool.Pool   // what the node needs to serve everybody, and all that is not named here
	bulk    *pgxpool.Pool   // what a client asks to read
	probe   *pgxpool.Pool   // Ping
	primary *primary        // the server that all of them are connected to
	shares  *persist.Shares // of readers
	log     *slog.Logger
	odd     *persist.OddRows
	who     *membership // chosen by Migrate
	keys    persist.NewKeys
	wait    waits
	persist.QuotasNow
	moved   bool
	pruning pruning // of chat_numbers
	rights  pruning // of chat_rights
}

var (
	_ room.Store     = (*Store)(nil)
	_ persist.Seeder = (*Store)(nil)
)

// Open connects to the database once, to tell whether it can be reached. It does
// not migrate and does not retry: an error that wraps room.ErrStoreDown is worth
// another attempt by the caller, any other (a malformed URL, a wrong password)
// is not.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	log := cmp.Or(cfg.Log, slog.Default())
	s := &Store{log: log, odd: persist.NewOddRows(log), primary: &primary{log: log}, who: &byAllTables, wait: defaultWaits, moved: cfg.Moved,
		pruning: pruning{table: "chat_numbers", statement: pruneNumbers, kept: numbersKept},
		rights:  pruning{table: "chat_rights", statement: pruneRights, kept: rightsKept}}
	s.keys.Init(keysMin)
	if err := s.open(ctx, cfg); err != nil {
		_ = s.Close() // it never fails
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, cfg Config) (err error) {
	s.shares = persist.NewShares(cmp.Or(cfg.Readers, ReadersDefault))
	for _, p := range []struct {
		pool        **pgxpool.Pool
		connections int
		prepare     func(*pgxpool.Config)
	}{
		{&s.writers, cmp.Or(cfg.Writers, WritersDefault), watchCommits},
		{&s.readers, cmp.Or(cfg.Readers, ReadersDefault), func(*pgxpool.Config) {}},
		{&s.bulk, cmp.Or(cfg.Bulk, BulkDefault), func(*pgxpool.Config) {}},
		{&s.probe, 1, func(*pgxpool.Config) {}},
	} {
		if *p.pool, err = newPool(ctx, cfg.URL, p.connections, p.prepare, s.primary.watch); err != nil {
			return err
		}
		s.primary.owns(*p.pool)
	}
	if err := s.Ping(ctx); err != nil {
		return err
	}
	s.primary.surveys(s.probe.Config().ConnConfig)
	s.primary.sayWhatIsOff()
	return nil
}

// Migrate brings the schema up to date. It waits while another node does, and is
// bound by ctx alone: numbering a large adopted table takes its time. A database that
// comes from another cluster is refused with ErrMoved, unless Config.Moved says so.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.checkIDs(ctx); err != nil {
		return err
	}
	if err := s.checkTypes(ctx); err != nil {
		return err
	}
	if err := s.checkUnfilled(ctx); err != nil {
		return err
	}
	cfg := s.writers.Config().ConnConfig
	for name := range sessionParameters {
		delete(cfg.RuntimeParams, name) // those of a writer are wrong for a migration
	}
	cfg.RuntimeParams["statement_timeout"] = "0"
	s.primary.order(cfg)
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			s.log.Warn(n.Message)
		}
	}
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	if _, _, err := migrations.Up(ctx, db, migrations.Postgres, s.log); errors.Is(err, migrations.ErrNewer) {
		return err
	} else if hasCode(err, codeNoColumn) {
		return cmp.Or(s.checkMissing(ctx), err) // it says it better
	} else if err != nil {
		return fault("migrate", err)
	}
	if err := s.checkMissing(ctx); err != nil {
		return err
	}
	if err := s.checkCluster(ctx); err != nil {
		return err
	}
	return s.chooseMembership(ctx)
}

// Ping reports whether the server can be reached. It waits behind nobody.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.again(ctx, s.probe, func() error { return s.probe.Ping(ctx) }); err != nil {
		return fault("ping", err)
	}
	return nil
}

// Timeline implements room.Store.
func (s *Store) Timeline() room.Timeline { return s.primary.known() }

// Beyond implements room.Store.
func (s *Store) Beyond(t room.Timeline) <-chan struct{} { return s.primary.beyond(t) }

// Heard implements room.Store.
func (s *Store) Heard(t room.Timeline) { s.primary.see(t, heardOf) }

// TellsTimeline says whether a server has told its timeline since the start: without it a former
// primary that lives is not told from the one that took over.
func (s *Store) TellsTimeline() bool { return s.primary.tells.Load() }

// TakeOvers returns how often another primary has taken over since the start.
func (s *Store) TakeOvers() int64 { return s.primary.takeOvers.Load() }

// Close waits for calls under way and closes all connections.
func (s *Store) Close() error {
	s.pruning.close()
	s.rights.close()
	s.primary.close()
	for _, pool := range s.primary.pools {
		pool.Close()
	}
	return nil
}
