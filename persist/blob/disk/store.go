package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/caravan-chat/caravan/persist/blob"
)

const (
	blobsDir    = "blobs"
	incomingDir = "incoming"

	dirMode  = 0o700
	fileMode = 0o600
)

// Store is a directory of blobs. It is safe for concurrent use.
type Store struct {
	root *os.Root // nothing is reached outside of it, by a symbolic link neither
}

var _ blob.Blob = (*Store)(nil)

// Open returns the store in a directory, which is made where it is not there. It removes
// what earlier processes left half written, and moves blobs that somebody copied into the
// directory blobs itself to their places. The caller closes it.
func Open(dir string) (*Store, error) {
	if err := makeRoot(dir); err != nil {
		return nil, fault("open", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault("open", err)
	}
	s := &Store{root: root}
	if err := errors.Join(s.makeDir(blobsDir), s.makeDir(incomingDir)); err != nil {
		return nil, errors.Join(fault("open", err), root.Close())
	}
	if err := errors.Join(s.RemoveLeftovers(), s.adopt()); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return s, nil
}

// OpenToRead returns the store in a directory in which there is one, and changes nothing there.
// What was copied in and is not in its place yet is not seen. It is for who only reads.
func OpenToRead(dir string) (*Store, error) {
	there, err := Exists(dir)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("%w: open: %s has no directory %s", blob.ErrUnavailable, dir, blobsDir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault("open", err)
	}
	return &Store{root: root}, nil
}

// Exists reports whether there is a store in a directory, empty or not.
func Exists(dir string) (bool, error) {
	_, err := os.Stat(filepath.Join(dir, blobsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, fault("open", err)
}

// makeRoot makes the directory of the store if it is not there, and those above it, and sees that
// each outlives a loss of power.
func makeRoot(dir string) error {
	_, err := os.Stat(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above := filepath.Dir(filepath.Clean(dir))
	if err := makeRoot(above); err != nil {
		return err
	}
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	names, err := os.Open(above)
	if err != nil {
		return err
	}
	return errors.Join(names.Sync(), names.Close())
}

// makeDir makes a directory if it is not there, and sees that it outlives a loss of power:
// who made it a moment ago may not have come that far.
func (s *Store) makeDir(name string) error {
	if err := s.root.Mkdir(name, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return s.syncDir(parent(name))
}

// syncDir flushes the names in a directory to the disk.
func (s *Store) syncDir(name string) error {
	dir, err := s.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Close closes the directory.
func (s *Store) Close() error { return s.root.Close() }

// Check writes an empty file and removes it.
func (s *Store) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := s.create()
	if err != nil {
		return fault("check", err)
	}
	return fault("check", f.abandon())
}

// Presign returns blob.ErrNoURL: a directory serves nothing.
func (s *Store) Presign(context.Context, string, time.Duration, blob.Answer) (string, error) {
	return "", blob.ErrNoURL
}

// fault names what the disk said. A file that may not grow (EFBIG) is a disk that is full
// for this process.
func fault(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: %s: %w", blob.ErrFull, doing, err)
	}
	return fmt.Errorf("%w: %s: %w", blob.ErrUnavailable, doing, err)
}
