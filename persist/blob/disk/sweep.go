package disk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/caravan-chat/caravan/persist/blob"
)

// lock marks a file of incoming as somebody's. The lock ends with the open file, and so
// with the process.
func lock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// RemoveLeftovers removes what nobody writes any more from incoming: a process that ended has left
// it, or it could not be removed before. Open does it once. One that cannot be removed does not keep the
// others; the error is that of the first.
func (s *Store) RemoveLeftovers() error {
	names, err := s.names(incomingDir)
	if err != nil {
		return fault("remove leftovers", err)
	}
	var first error
	for _, name := range names {
		if err := s.removeLeftover(incomingDir + "/" + name); first == nil {
			first = err
		}
	}
	return fault("remove leftovers", first)
}

// removeLeftover removes a file that nobody writes any more.
func (s *Store) removeLeftover(name string) error {
	f, err := s.root.OpenFile(name, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was moved to its place, or given up
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := lock(f); errors.Is(err, syscall.EWOULDBLOCK) {
		return nil
	} else if err != nil {
		return err
	}
	if err := s.root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// adopt moves files that are named as blobs, and stand beside the directories of blobs, to
// their places: so whoever moves here from elsewhere need not know what a place is.
func (s *Store) adopt() error {
	names, err := s.names(blobsDir)
	if err != nil {
		return fault("adopt", err)
	}
	for _, name := range names {
		from := blobsDir + "/" + name
		stat, err := s.root.Lstat(from)
		if errors.Is(err, fs.ErrNotExist) || err == nil && (!stat.Mode().IsRegular() || blob.CheckKey(name) != nil) {
			continue
		}
		if err == nil {
			err = s.move(from, name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // another process was faster
			return fault("adopt", err)
		}
	}
	return nil
}
