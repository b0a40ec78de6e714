package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/chaos"
)

// sqliteFile is the embedded store: a file of the one server.
type sqliteFile struct {
	path string
	held *os.File // with the lock that the fault took; nil: not taken
}

func openSQLite(dir string) (*sqliteFile, error) {
	return &sqliteFile{path: filepath.Join(dir, "caravan.db")}, nil
}

func (f *sqliteFile) url() string               { return "sqlite:" + f.path }
func (f *sqliteFile) urlOf(int) (string, error) { return f.url(), nil }
func (f *sqliteFile) logTail() string           { return "" }

func (f *sqliteFile) close() error {
	if f.held == nil {
		return nil
	}
	return f.held.Close()
}

func (f *sqliteFile) faults() []chaos.Fault {
	return []chaos.Fault{{
		Name: "locked by another writer", Min: 500 * time.Millisecond, Max: 6 * time.Second,
		Break: f.lock,
		Mend: func(context.Context) (string, error) {
			if f.held == nil {
				return "nothing to give up", nil
			}
			err := f.held.Close() // gives the lock up
			f.held = nil
			return "lock given up", err
		},
	}}
}

// walWriteLock is the byte of the -shm file that whoever writes in WAL mode locks,
// part of SQLite's file format (WAL-mode file format, 2.3.1).
const walWriteLock = 120

// lock takes the lock that a program takes that writes into the file, and keeps it.
// Between the end of one server and the start of the next there is no such file.
func (f *sqliteFile) lock(ctx context.Context) (string, error) {
	shm, err := os.OpenFile(f.path+"-shm", os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "nobody has it open", nil
	} else if err != nil {
		return "", err
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: walWriteLock, Len: 1}
	for begun := time.Now(); ; {
		err := unix.FcntlFlock(shm.Fd(), unix.F_SETLK, &lock)
		switch {
		case err == nil:
			f.held = shm
			return fmt.Sprintf("lock taken after %.2fs", time.Since(begun).Seconds()), nil
		case !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EACCES):
			return "", errors.Join(fmt.Errorf("lock %s: %w", shm.Name(), err), shm.Close())
		}
		select { // a server that is frozen may hold it
		case <-ctx.Done():
			return "", errors.Join(ctx.Err(), shm.Close())
		case <-time.After(time.Millisecond):
		}
	}
}
