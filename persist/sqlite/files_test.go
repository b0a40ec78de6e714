package sqlite_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/caravan-chat/caravan/persist/sqlite"
)

// modeOf is a file's mode: who may read and write it.
func modeOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// TestFilesAreTheirOwnersAlone: messages are private, whatever the umask.
func TestFilesAreTheirOwnersAlone(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	for who, open := range map[string]func(path string) (interface{ Close() error }, error){
		"the store": func(path string) (interface{ Close() error }, error) { return sqlite.Open(t.Context(), path, quiet) },
		"the seeder": func(path string) (interface{ Close() error }, error) {
			return sqlite.OpenSeeder(t.Context(), path, quiet)
		},
	} {
		directory := filepath.Join(t.TempDir(), "data")
		path := filepath.Join(directory, "caravan.db")
		s, err := open(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
			if mode := modeOf(t, path+suffix); mode != 0o600 {
				t.Errorf("%s makes %s with the mode %o", who, filepath.Base(path)+suffix, mode)
			}
		}
		if mode := modeOf(t, directory); mode != 0o750 {
			t.Errorf("%s makes the directory with the mode %o", who, mode)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestAFileThatEverybodyMayReadKeepsItsMode: somebody may want it so. The log says it.
func TestAFileThatEverybodyMayReadKeepsItsMode(t *testing.T) {
	for mode, warned := range map[os.FileMode]bool{0o644: true, 0o640: false, 0o600: false} {
		path := filepath.Join(t.TempDir(), "caravan.db")
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		var log strings.Builder
		s, err := sqlite.Open(t.Context(), path, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if got := modeOf(t, path); got != mode || modeOf(t, path+"-wal") != mode {
			t.Errorf("%o has become %o, its -wal %o", mode, got, modeOf(t, path+"-wal"))
		}
		if got := strings.Contains(log.String(), "every user of this machine can read"); got != warned {
			t.Errorf("mode %o: warned %v\n%s", mode, got, log.String())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// victim makes somebody's file, and says afterwards whether it was left alone.
func victim(t *testing.T) (path string, untouched func() bool) {
	t.Helper()
	const content = "somebody's own words\n"
	path = filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, func() bool {
		got, err := os.ReadFile(path)
		return err == nil && string(got) == content
	}
}

// TestLockTouchesNoFileOfSomebody puts at PATH.lock what is no lock.
func TestLockTouchesNoFileOfSomebody(t *testing.T) {
	target, untouched := victim(t)
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	for name, c := range map[string]struct {
		put    func(at string) error
		refuse string // empty: the store opens all the same
	}{
		"a link":             {func(at string) error { return os.Symlink(target, at) }, "is a link"},
		"a link to nothing":  {func(at string) error { return os.Symlink(nowhere, at) }, "is a link"},
		"a directory":        {func(at string) error { return os.Mkdir(at, 0o700) }, "is a directory"},
		"a pipe":             {func(at string) error { return syscall.Mkfifo(at, 0o600) }, "no regular file"},
		"a hard link":        {func(at string) error { return os.Link(target, at) }, ""},
		"an old lock":        {func(at string) error { return os.WriteFile(at, []byte("12345678\n"), 0o600) }, ""},
		"somebody's own one": {func(at string) error { return belongsTo(at, 12345) }, "no regular file of this user"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "somebody's own one" && os.Geteuid() != 0 {
				return // only root can give a file away, and only root could open it
			}
			path := filepath.Join(t.TempDir(), "caravan.db")
			if err := c.put(path + ".lock"); err != nil {
				t.Fatal(err)
			}
			s, err := sqlite.Open(t.Context(), path, quiet)
			if err == nil {
				if second, err := sqlite.Open(t.Context(), path, quiet); err == nil {
					t.Error("a second store opens the database")
					_ = second.Close()
				}
				err = s.Close()
				if c.refuse != "" {
					t.Error("the store opens")
				}
			}
			if c.refuse == "" && err != nil || c.refuse != "" && (err == nil || !strings.Contains(err.Error(), c.refuse) || !strings.Contains(err.Error(), ".lock")) {
				t.Errorf("%v, want %q", err, c.refuse)
			}
		})
	}
	if !untouched() {
		t.Error("somebody's file was written")
	}
	if _, err := os.Lstat(nowhere); err == nil {
		t.Error("a file was made where a link leads")
	}
}

// TestWhatLiesBesideTheDatabaseIsItsOwn puts somebody's file, or one that somebody has
// made, where SQLite keeps its own.
func TestWhatLiesBesideTheDatabaseIsItsOwn(t *testing.T) {
	target, untouched := victim(t)
	empty := filepath.Join(filepath.Dir(target), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	openers := map[string]func(path string) (interface{ Close() error }, error){
		"the store": func(path string) (interface{ Close() error }, error) { return sqlite.Open(t.Context(), path, quiet) },
		"the seeder": func(path string) (interface{ Close() error }, error) {
			return sqlite.OpenSeeder(t.Context(), path, quiet)
		},
	}
	for name, c := range map[string]struct {
		put    func(at string) error
		refuse string // empty: it opens all the same
	}{
		"a hard link":                  {func(at string) error { return os.Link(target, at) }, "a hard link"},
		"a hard link to an empty file": {func(at string) error { return os.Link(empty, at) }, "a hard link"},
		"a link":                       {func(at string) error { return os.Symlink(target, at) }, "no regular file"},
		"a pipe":                       {func(at string) error { return syscall.Mkfifo(at, 0o600) }, "no regular file"},
		"a file of another user":       {func(at string) error { return belongsTo(at, 12345) }, "belongs to another user"},
		"an empty file of its own":     {func(at string) error { return os.WriteFile(at, nil, 0o600) }, ""},
	} {
		if name == "a file of another user" && os.Geteuid() != 0 {
			continue // only root can give a file away
		}
		for _, suffix := range []string{"-wal", "-shm", "-journal"} {
			for who, open := range openers {
				path := filepath.Join(t.TempDir(), "caravan.db")
				if err := c.put(path + suffix); err != nil {
					t.Fatal(err)
				}
				s, err := open(path)
				if err == nil {
					err = s.Close()
					if c.refuse != "" {
						t.Errorf("%s opens with %s as %s", who, name, suffix)
						continue
					}
				}
				if c.refuse == "" && err != nil || c.refuse != "" && (err == nil || !strings.Contains(err.Error(), c.refuse) || !strings.Contains(err.Error(), suffix)) {
					t.Errorf("%s, %s as %s: %v, want %q", who, name, suffix, err, c.refuse)
				}
			}
		}
	}
	if info, err := os.Stat(empty); !untouched() || err != nil || info.Size() != 0 {
		t.Error("somebody's file was written")
	}
}

// TestDatabaseWithTwoNamesOpensAndSaysSo: a backup may be made so, and whoever can link
// the file could keep the server from starting otherwise.
func TestDatabaseWithTwoNamesOpensAndSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "caravan.db")
	s, err := sqlite.Open(t.Context(), path, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), os.Link(path, path+".backup")); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	if s, err = sqlite.Open(t.Context(), path, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "several names (hard links)") {
		t.Errorf("the log: %s", log.String())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func belongsTo(path string, user int) error {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	return os.Chown(path, user, -1)
}

// TestDatabaseIsNoFileOfAnotherKind: nor is a link of another user followed that leads
// to a file that is to be made.
func TestDatabaseIsNoFileOfAnotherKind(t *testing.T) {
	dir := t.TempDir()
	pipe, link, made := filepath.Join(dir, "pipe"), filepath.Join(dir, "link"), filepath.Join(dir, "made")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	refused := map[string]string{pipe: "no regular file", "/dev/null": "no regular file"}
	if os.Geteuid() == 0 { // only root can give a link away
		refused[link] = "a link of another user"
		if err := os.Symlink(made, link); err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(link, 12345, -1); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range refused {
		s, err := sqlite.Open(t.Context(), path, quiet)
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if _, err := os.Lstat(made); err == nil {
		t.Error("a file was made where the link leads")
	}
}
