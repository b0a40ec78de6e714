package disk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/caravan-chat/caravan/persist/blob"
)

// copyBufferBytes is the memory of one Put.
const copyBufferBytes = 32 << 10

var buffers = sync.Pool{New: func() any { return new([copyBufferBytes]byte) }}

// incoming is a file that is being written, and locked.
type incoming struct {
	*os.File
	root *os.Root
	name string
}

// create makes a file in incoming and locks it. A sweep may come between the two and take
// the file for a leftover: then another one is made.
func (s *Store) create() (*incoming, error) {
	for {
		name := incomingDir + "/" + rand.Text()
		file, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
		if err != nil {
			return nil, err
		}
		f := &incoming{File: file, root: s.root, name: name}
		if err := lock(file); err != nil {
			return nil, errors.Join(err, f.abandon())
		}
		if _, err := s.root.Lstat(name); err == nil {
			return f, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, f.abandon())
		}
		if err := file.Close(); err != nil {
			return nil, err
		}
	}
}

// abandon removes the file.
func (f *incoming) abandon() error {
	return errors.Join(f.Close(), f.root.Remove(f.name))
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
	n, err := f.fill(ctx, r, size)
	if err != nil {
		return 0, errors.Join(err, fault("put", f.abandon()))
	}
	if err := s.settle(f, key); err != nil {
		return 0, fault("put", err)
	}
	return n, nil
}

// fill writes what r yields to the file.
func (f *incoming) fill(ctx context.Context, r io.Reader, size int64) (int64, error) {
	buffer := buffers.Get().(*[copyBufferBytes]byte)
	defer buffers.Put(buffer)
	var n int64
	for {
		read, readErr := readFull(ctx, r, buffer[:])
		if n += int64(read); size >= 0 && n > size {
			return n, fmt.Errorf("%w: more than %d bytes", blob.ErrSize, size)
		}
		if _, err := f.Write(buffer[:read]); err != nil {
			return n, fault("put", err)
		}
		switch {
		case readErr == nil:
		case readErr != io.EOF:
			return n, readErr
		case size >= 0 && n < size:
			return n, fmt.Errorf("%w: %d bytes and not %d", blob.ErrSize, n, size)
		default:
			return n, nil
		}
	}
}

// readFull fills the buffer unless r or ctx ends before. A reader that gives little at a
// time must not cost a write each.
func readFull(ctx context.Context, r io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		if err = ctx.Err(); err != nil {
			break
		}
		var read int
		read, err = r.Read(buffer[n:])
		n += read
	}
	return n, err
}

// settle flushes the file to the disk and moves it to its place, where it outlives a loss
// of power once the directory is flushed too. Whatever fails, the file is closed, and in
// incoming no longer.
func (s *Store) settle(f *incoming, key string) error {
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.abandon())
	}
	place := placeOf(key)
	err := s.root.Rename(f.name, place)
	if errors.Is(err, fs.ErrNotExist) { // the first blob of its directory
		if err = s.makeDir(parent(place)); err == nil {
			err = s.root.Rename(f.name, place)
		}
	}
	if err != nil {
		return errors.Join(err, f.abandon())
	}
	return errors.Join(f.Close(), s.syncDir(parent(place)))
}
