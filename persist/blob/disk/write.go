package disk

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/caravan-chat/caravan/persist/blob"
)

// incoming is a file that is being written, and locked.
type incoming struct {
	*os.File
	root *os.Root
	name string

	written, flushing int64 // bytes: in all, and of them those of which the disk was told
}

// flushBytes is how much is written before the disk is told to begin with it, so that it works
// while more comes.
const flushBytes = 2 << 20

// create makes a file in incoming and locks it. RemoveLeftovers may come between the two and take
// the file for a leftover: then another one is made, which is not on its list.
func (s *Store) create() (*incoming, error) {
	for {
		name := incomingDir + "/" + rand.Text()
		file, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
		if err != nil {
			return nil, err
		}
		f := &incoming{File: file, root: s.root, name: name}
		ours, err := f.claim()
		if err != nil {
			return nil, errors.Join(err, f.abandon())
		}
		if ours {
			return f, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

// claim locks the file, and returns false where RemoveLeftovers removes it, or has.
func (f *incoming) claim() (ours bool, err error) {
	err = lock(f.File)
	if err == nil {
		_, err = f.root.Lstat(f.name)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// abandon removes the file, if it is still in incoming.
func (f *incoming) abandon() error {
	err := f.root.Remove(f.name) // while the lock is held: nobody else does
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// Put implements blob.Blob. The type is not kept: a directory serves nothing.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, size int64, _ string) (int64, error) {
	if err := blob.CheckKey(key); err != nil {
		return 0, err
	}
	f, err := s.create()
	if err != nil {
		return 0, fault("put", err)
	}
	n, err := blob.Fill(ctx, f, r, size)
	if err != nil {
		return 0, errors.Join(err, fault("put", f.abandon()))
	}
	if err := s.settle(f, key); err != nil {
		return 0, fault("put", err)
	}
	return n, nil
}

// Write writes to the file, and names what the disk says.
func (f *incoming) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.written += int64(n)
	if more := f.written - f.flushing; more >= flushBytes {
		startFlush(f.File, f.flushing, more)
		f.flushing = f.written
	}
	return n, fault("put", err)
}

// settle flushes the file to the disk and moves it to its place. Whatever fails, the file is
// closed, and in incoming no longer.
func (s *Store) settle(f *incoming, key string) error {
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.abandon())
	}
	if err := s.move(f.name, key); err != nil {
		return errors.Join(err, f.abandon())
	}
	return f.Close()
}

// move moves a file to the place of a key, and sees that it outlives a loss of power there.
func (s *Store) move(from, key string) error {
	place := placeOf(key)
	err := s.root.Rename(from, place)
	if errors.Is(err, fs.ErrNotExist) { // the first blob of its directory
		if err = s.makeDir(parent(place)); err == nil {
			err = s.root.Rename(from, place)
		}
	}
	if err != nil {
		return err
	}
	return s.syncDir(parent(place))
}
