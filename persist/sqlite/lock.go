package sqlite

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// ErrInUse says that another Store has the file open.
var ErrInUse = errors.New("the database is in use by another caravan")

// ownership is the right to serve from a database. The kernel frees it when the
// process ends, however it ends. It has two locks: on the database itself, whatever
// it is called, and on PATH.lock, which tells people who the owner is, and which is
// the only one of former releases. SQLite's own locks are no use here: other
// programs must be able to take those.
type ownership struct {
	id       fileID
	user     uint32   // whose the file is
	readable bool     // by every user of the machine
	links    uint64   // how many names the file has
	named    *os.File // PATH.lock; stays, with the last owner's process id
	file     *os.File // the database
}

// fileID is what a file is under all of its names.
type fileID struct{ device, inode uint64 }

// owned are the databases that this process owns. Whoever closes a file that SQLite has open in
// the same process frees SQLite's locks on it, so such a file is not even opened.
var owned = struct {
	sync.Mutex
	files map[fileID]bool
}{files: make(map[fileID]bool)}

const lockSuffix = ".lock"

// readableByAll is the bit of a mode that lets every user of the machine read.
const readableByAll = 0o004

// own takes the ownership of the database at path, which exists.
func own(path string) (*ownership, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	stat := info.Sys().(*syscall.Stat_t)
	o := &ownership{
		id: fileID{uint64(stat.Dev), stat.Ino}, user: stat.Uid, links: uint64(stat.Nlink), readable: info.Mode()&readableByAll != 0,
	}
	owned.Lock()
	defer owned.Unlock()
	if owned.files[o.id] {
		return nil, fmt.Errorf("%w: %s (this process)", ErrInUse, path)
	}
	if err := o.lock(path); err != nil {
		return nil, errors.Join(err, o.unlock())
	}
	if err := o.checkBeside(path); err != nil {
		return nil, errors.Join(err, o.unlock())
	}
	owned.files[o.id] = true
	return o, nil
}

func (o *ownership) lock(path string) (err error) {
	var written bool
	if o.named, written, err = o.openNamed(path + lockSuffix); err != nil {
		return err
	}
	switch taken, err := flock(o.named); {
	case err != nil:
		return err
	case taken:
		return fmt.Errorf("%w: %s%s", ErrInUse, path, owner(o.named))
	}
	if o.file, err = os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0); err != nil {
		return err
	}
	switch taken, err := flock(o.file); {
	case err != nil:
		return err
	case taken:
		return fmt.Errorf("%w: %s (under another name: it has hard links)", ErrInUse, path)
	}
	if !written {
		return nil
	}
	if err := o.named.Truncate(0); err != nil {
		return err
	}
	_, err = o.named.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// openNamed opens PATH.lock, and makes it where it is missing. Whoever may write to
// the directory may have put something else there: a link is not followed, and what is
// no regular file of this user's, or of the database's, is refused. One that has
// another name as well is somebody's other file, or a backup's: it may be locked, and
// not written.
func (o *ownership) openNamed(path string) (f *os.File, written bool, err error) {
	// O_NONBLOCK: a pipe that nobody reads holds nobody up.
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, fileMode)
	if errors.Is(err, syscall.ELOOP) {
		return nil, false, fmt.Errorf("%s is a link, and is not followed: remove it", path)
	}
	if err != nil {
		return nil, false, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	stat := info.Sys().(*syscall.Stat_t)
	if !info.Mode().IsRegular() || !o.trusts(stat.Uid) {
		return nil, false, errors.Join(fmt.Errorf("%s is no regular file of this user: remove it", path), f.Close())
	}
	return f, stat.Nlink == 1, nil
}

// Close gives the ownership up. SQLite must have closed the file before.
func (o *ownership) Close() error {
	owned.Lock()
	defer owned.Unlock()
	delete(owned.files, o.id)
	return o.unlock()
}

func (o *ownership) unlock() error {
	var errs []error
	for _, f := range []*os.File{o.file, o.named} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// flock locks a file, or says that another process has.
func flock(f *os.File) (taken bool, err error) {
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return false, nil
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
