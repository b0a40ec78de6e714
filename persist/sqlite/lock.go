package sqlite

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ErrInUse says that another Store has the file open.
var ErrInUse = errors.New("the database is in use by another caravan")

// lockSuffix makes the name of the lock's file. SQLite's own locks are no use
// here: other programs must be able to take those.
const lockSuffix = ".lock"

// lock takes the ownership of the database at path. The kernel frees it when the
// process ends, however it ends; the file stays, with the last owner's process id.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path+lockSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		return nil, fmt.Errorf("%w: %s%s", ErrInUse, path, owner(f))
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// owner reads who holds the lock, for people; empty if that cannot be told.
func owner(f *os.File) string {
	pid := make([]byte, 20)
	n, _ := f.ReadAt(pid, 0)
	if n == 0 {
		return ""
	}
	return " (process " + strings.TrimSpace(string(pid[:n])) + ")"
}
