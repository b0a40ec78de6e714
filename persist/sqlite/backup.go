package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// Backup writes a copy of the file at path, as it is at one moment, and returns how many bytes the
// copy has. A server may run, and stores on meanwhile. The copy has no -wal, and nothing of
// what was deleted. It has its name when it is whole and on the disk; a file that has that name
// already is left as it is.
func Backup(ctx context.Context, path, to string) (bytes int64, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlite: back %s up: %w", path, err)
		}
	}()
	if _, err := os.Stat(path); err != nil {
		return 0, err
	}
	if _, err := os.Lstat(to); err == nil {
		return 0, fmt.Errorf("%s is there already", to)
	}
	// In a directory of its own nobody else can have put anything under that name.
	dir, err := os.MkdirTemp(filepath.Dir(to), ".caravan-backup-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	part := filepath.Join(dir, "part")
	if err := os.WriteFile(part, nil, fileMode); err != nil {
		return 0, err
	}
	if err := vacuumInto(ctx, path, part); err != nil {
		return 0, err
	}
	if bytes, err = syncFile(part); err != nil {
		return 0, err
	}
	if err := os.Link(part, to); errors.Is(err, fs.ErrExist) {
		return 0, fmt.Errorf("%s is there already", to)
	} else if err != nil { // a file system without links
		if err := os.Rename(part, to); err != nil {
			return 0, err
		}
	}
	_, err = syncFile(filepath.Dir(to))
	return bytes, err
}

// vacuumInto writes all pages that are in use into an empty file.
func vacuumInto(ctx context.Context, path, into string) (err error) {
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	query := url.Values{"mode": {"ro"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds())}}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", into)
	return err
}

// syncFile has the disk keep a file, or a directory, and returns its size.
func syncFile(path string) (bytes int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), f.Sync()
}
