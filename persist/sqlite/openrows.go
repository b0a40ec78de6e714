package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/caravan-chat/caravan/persist"
)

// OpenRows opens the SQLite file at path for the application's rows, as they are: nothing is
// made, migrated or owned, and a Store may own it. Where the file is not there it fails with
// persist.ErrNoTables.
func OpenRows(path string) (*Seeder, error) {
	return openRows(path, "synchronous(FULL)", "secure_delete(ON)")
}

// OpenRowsToRead is OpenRows for who only lists them.
func OpenRowsToRead(path string) (*Seeder, error) { return openRows(path, "query_only(ON)") }

func openRows(path string, pragmas ...string) (*Seeder, error) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("sqlite: %w: %w", persist.ErrNoTables, err)
	}
	if err == nil {
		err = checkThere(real)
	}
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	s := &Seeder{}
	if s.writer, err = connect(real, 1, cacheBytesMax, pragmas...); err != nil {
		return nil, notOpened(real, err)
	}
	return s, nil
}

// checkThere refuses what is no file that SQLite may open.
func checkThere(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", path)
	}
	o := ownership{user: info.Sys().(*syscall.Stat_t).Uid}
	return o.checkBeside(path)
}
