package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/caravan-chat/caravan/migrations"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

// Store implements room.Store and persist.Seeder. Its methods are safe for
// concurrent use; those that write take turns.
type Store struct {
	owner  *ownership
	writer *sql.DB // one connection: BeginTx is the queue of those that write
	write  writing
	read   reading         // what the node needs to serve everybody
	bulk   reading         // what a client asks to read
	probe  *sql.DB         // one connection, of Ping
	shares *persist.Shares // of read
	odd    *persist.OddRows
	persist.QuotasNow

	cacheBytes int64 // of a connection
	unnumbered bool  // some messages have a client_id without a number; static once it is open
}

var (
	_ room.Store     = (*Store)(nil)
	_ persist.Seeder = (*Store)(nil)
)

const (
	busyTimeout   = 5 * time.Second // wait for another program's lock
	cacheBytesMax = 16 << 20        // of one connection
	cacheBytesMin = 256 << 10
	walPages      = 4000     // a checkpoint when the WAL has grown by so many (of 4 KiB)
	walBytesMax   = 64 << 20 // what a reader made the WAL grow beyond this is given back
	readersMin    = 2
	bulkMin       = 2 // so that nobody has them all
	directoryMode = 0o750
	fileMode      = 0o600 // which SQLite gives to the files that it makes beside it
)

// Open takes the ownership of the SQLite file at path, makes it and its directory
// where missing, and brings its schema up to date. It fails with ErrInUse where
// another Store has the file open, and with room.ErrStoreDown where another program has locked
// it: both may pass. The caller closes the Store.
func Open(ctx context.Context, path string, log *slog.Logger) (*Store, error) {
	return OpenWithin(ctx, path, math.MaxInt64, log)
}

// OpenWithin is Open for a Store that keeps about so many bytes of the file in memory, all
// of its connections together.
func OpenWithin(ctx context.Context, path string, cacheBytes int64, log *slog.Logger) (*Store, error) {
	s := &Store{shares: persist.NewShares(readers()), odd: persist.NewOddRows(log), cacheBytes: cacheBytes / int64(2+readers()+BulkReads())}
	if err := s.open(ctx, path, log); err != nil {
		return nil, errors.Join(notOpened(path, err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string, log *slog.Logger) error {
	path, err := makePath(path)
	if err != nil {
		return err
	}
	if s.owner, err = own(path); err != nil {
		return err
	}
	if s.owner.readable {
		log.Warn("every user of this machine can read the database: take that right away, of the file, of its -wal and of its -shm, unless it is meant", "path", path)
	}
	if s.owner.links > 1 {
		log.Warn("the database has several names (hard links): always use the same, as a crash leaves the last writes beside that name", "path", path)
	}
	if s.writer, err = connectWriter(path, s.cacheBytes); err != nil {
		return err
	}
	if err := requireWAL(ctx, s.writer); err != nil {
		return err
	}
	if err := checkUnfilled(ctx, s.writer); err != nil {
		return err
	}
	if err := checkIDs(ctx, s.writer); err != nil {
		return err
	}
	if err := checkTypes(ctx, s.writer); err != nil {
		return err
	}
	if _, _, err := migrations.Up(ctx, s.writer, migrations.SQLite, log); err != nil {
		return err
	}
	if err := checkMissing(ctx, s.writer); err != nil {
		return err
	}
	if err := s.checkNumbered(ctx); err != nil {
		return err
	}
	if err := s.write.prepare(ctx, s.writer); err != nil {
		return err
	}
	return s.openReading(ctx, path)
}

// openReading opens the connections that only read, of each kind some of their own.
func (s *Store) openReading(ctx context.Context, path string) (err error) {
	const readOnly = "query_only(ON)"
	if s.read.db, err = connect(path, readers(), s.cacheBytes, readOnly); err != nil {
		return err
	}
	if s.bulk.db, err = connect(path, BulkReads(), s.cacheBytes, readOnly); err != nil {
		return err
	}
	if s.probe, err = connect(path, 1, s.cacheBytes, readOnly); err != nil {
		return err
	}
	if err := s.read.prepare(ctx); err != nil {
		return err
	}
	return s.bulk.prepare(ctx)
}

// readers is how many connections read what the node needs to serve everybody.
func readers() int { return max(readersMin, runtime.GOMAXPROCS(0)) }

// BulkReads is how many reads that clients ask for a Store does at once: Page, Rooms,
// Message and the like. Each uses a processor as long as it lasts.
func BulkReads() int { return max(bulkMin, runtime.NumCPU()/2) }

// makePath makes the file and its directory where missing, and returns the name that all who
// open the file agree on, so that they find the same lock: absolute and without links.
func makePath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), directoryMode); err != nil {
		return "", err
	}
	if err := makeFile(path); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// makeFile makes the file where it is missing. One that is there must not be opened: to
// close it would free the locks that SQLite has on it in this process.
func makeFile(path string) error {
	flags := os.O_RDONLY | os.O_CREATE | os.O_EXCL
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil // what is wrong with it is found by who opens it
	}
	// A link to a file that is to be made is followed if it is this user's or root's:
	// another one may have put it there.
	if link, err := os.Lstat(path); err == nil {
		if user := link.Sys().(*syscall.Stat_t).Uid; user != 0 && user != uint32(os.Geteuid()) {
			return fmt.Errorf("%s is a link of another user to a file that does not exist", path)
		}
		flags &^= os.O_EXCL // which follows no link
	}
	f, err := os.OpenFile(path, flags, fileMode)
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func connectWriter(path string, cacheBytes int64) (*sql.DB, error) {
	// secure_delete: what a message said is overwritten where it stood.
	return connect(path, 1, cacheBytes, "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)",
		fmt.Sprintf("wal_autocheckpoint(%d)", walPages), fmt.Sprintf("journal_size_limit(%d)", walBytesMax))
}

// requireWAL refuses a file that SQLite keeps without a write-ahead log, as it does
// where the file system has no shared memory: each reader could then leave the
// writer's connection within a COMMIT that is neither done nor undone.
func requireWAL(ctx context.Context, writer *sql.DB) error {
	var mode string
	if err := writer.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system of the database does not allow a write-ahead log (journal_mode is %s)", mode)
	}
	return nil
}

// connect opens a pool of connections to the file, each of which keeps so many bytes of it.
func connect(path string, connections int, cacheBytes int64, pragmas ...string) (*sql.DB, error) {
	query := url.Values{
		// busy_timeout first: the others may have to wait.
		"_pragma": append([]string{
			fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
			fmt.Sprintf("cache_size(-%d)", min(max(cacheBytes, cacheBytesMin), cacheBytesMax)>>10),
		}, pragmas...),
		"_txlock": {"immediate"}, // transactions that are not ReadOnly lock at their BEGIN
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// Ping reports whether the file can be read. It waits behind nobody.
func (s *Store) Ping(ctx context.Context) error {
	var version int64
	if err := s.probe.QueryRowContext(ctx, "PRAGMA schema_version").Scan(&version); err != nil {
		return unreachable(err)
	}
	return nil
}

// Close closes the file and gives up its ownership.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read.db, s.bulk.db, s.probe, s.writer} { // the writer last: it empties the WAL
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.owner != nil {
		errs = append(errs, s.owner.Close())
	}
	return errors.Join(errs...)
}
