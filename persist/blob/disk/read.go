package disk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"

	"github.com/caravan-chat/caravan/persist/blob"
)

// Get implements blob.Blob: the Object has a File.
func (s *Store) Get(ctx context.Context, key string, part blob.Range) (*blob.Object, error) {
	if err := errors.Join(blob.CheckKey(key), ctx.Err()); err != nil {
		return nil, err
	}
	f, err := s.root.Open(placeOf(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, blob.ErrNotFound
	}
	if err != nil {
		return nil, fault("get", err)
	}
	o, err := open(f, key, part)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return o, nil
}

// open returns the part of a file as an Object, which closes it.
func open(f *os.File, key string, part blob.Range) (*blob.Object, error) {
	stat, err := f.Stat()
	if err != nil {
		return nil, fault("get", err)
	}
	if part, err = part.Of(stat.Size()); err != nil {
		return nil, err
	}
	if _, err := f.Seek(part.Offset, io.SeekStart); err != nil {
		return nil, fault("get", err)
	}
	return &blob.Object{
		ReadCloser: &reader{file: f, left: part.Length},
		Info:       blob.Info{Key: key, Size: stat.Size(), Modified: stat.ModTime()},
		Part:       part,
		File:       f,
	}, nil
}

// reader reads a part of a file.
type reader struct {
	file *os.File
	left int64
}

// Read implements io.Reader. A file that is shorter than it was is a fault of the disk.
func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.file.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, fault("get", err)
}

// Close implements io.Closer.
func (r *reader) Close() error { return r.file.Close() }

// Delete implements blob.Blob. A loss of power does not bring the blob back.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := errors.Join(blob.CheckKey(key), ctx.Err()); err != nil {
		return err
	}
	place := placeOf(key)
	err := s.root.Remove(place)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.syncDir(parent(place))
	}
	return fault("delete", err)
}

// List implements blob.Blob: in the order of the directories, and of the keys in each. It
// holds the names of one directory at a time.
func (s *Store) List(ctx context.Context, after string) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		first := 0
		if after != "" {
			if err := blob.CheckKey(after); err != nil {
				yield(blob.Info{}, err)
				return
			}
			first = shardOf(after)
		}
		for shard := first; shard < shards; shard++ {
			names, err := s.names(shardName(shard))
			if err != nil {
				yield(blob.Info{}, fault("list", err))
				return
			}
			if shard == first {
				names = slices.DeleteFunc(names, func(name string) bool { return name <= after })
			}
			// What else is there is somebody else's.
			names = slices.DeleteFunc(names, func(name string) bool { return blob.CheckKey(name) != nil || shardOf(name) != shard })
			if !s.listShard(ctx, names, yield) {
				return
			}
		}
	}
}

// listShard yields the blobs of one directory, and reports whether more are wanted.
func (s *Store) listShard(ctx context.Context, names []string, yield func(blob.Info, error) bool) bool {
	for _, key := range names {
		if err := ctx.Err(); err != nil {
			yield(blob.Info{}, err)
			return false
		}
		stat, err := s.root.Lstat(placeOf(key))
		switch {
		case errors.Is(err, fs.ErrNotExist): // deleted meanwhile
			continue
		case err != nil:
			yield(blob.Info{}, fault("list", err))
			return false
		}
		if !yield(blob.Info{Key: key, Size: stat.Size(), Modified: stat.ModTime()}, nil) {
			return false
		}
	}
	return true
}

// names returns what is in a directory, in order; none where it is not there.
func (s *Store) names(dir string) (names []string, err error) {
	f, err := s.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if names, err = f.Readdirnames(-1); err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}
