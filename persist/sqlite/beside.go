package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// besideSuffixes are the files that SQLite keeps beside the database. It writes into
// what is there, and believes what it finds in a log.
var besideSuffixes = []string{"-wal", "-shm", "-journal"}

// checkBeside refuses what somebody may have put where SQLite's own files will be: a link,
// a pipe, a file of another user, who could let the database read what they wrote, and
// one that has another name as well, since it may be somebody's file, which SQLite would
// write over.
func (o *ownership) checkBeside(path string) error {
	for _, suffix := range besideSuffixes {
		info, err := os.Lstat(path + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		switch {
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s%s is no regular file, and is not followed: remove it", path, suffix)
		case !o.trusts(stat.Uid) && stat.Uid != 0:
			return fmt.Errorf("%s%s belongs to another user (%d), who may have written it", path, suffix, stat.Uid)
		case stat.Nlink > 1:
			return fmt.Errorf("%s%s has another name as well (a hard link), and would be written under both: put a copy in its place", path, suffix)
		}
	}
	return nil
}

// trusts says whether a file of that user may be used beside the database.
func (o *ownership) trusts(user uint32) bool {
	return user == o.user || user == uint32(os.Geteuid())
}
