package sqlite_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/room"
)

var quiet = slog.New(slog.DiscardHandler)

func TestSecondStoreOnTheSameFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "directory", "caravan.db")
	first := openFleet(t, path, 1)
	_, err := sqlite.Open(t.Context(), path, quiet)
	if !errors.Is(err, sqlite.ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("a second Open: %v; want ErrInUse that names the file", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	openFleet(t, path, 1).closeAfter(t)
}

// TestSecondStoreThroughALinkIsRefused: the link may lead to the file, to its
// directory, or to a file that the first one to come makes; or it is a hard one.
func TestSecondStoreThroughALinkIsRefused(t *testing.T) {
	dir := t.TempDir()
	data, path := filepath.Join(dir, "data"), filepath.Join(dir, "data", "caravan.db")
	if err := os.Mkdir(data, 0o750); err != nil {
		t.Fatal(err)
	}
	links := map[string]string{filepath.Join(dir, "a.db"): path, filepath.Join(dir, "b"): data}
	for link, to := range links {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{path, filepath.Join(dir, "a.db"), filepath.Join(dir, "b", "caravan.db")}
	refused := func(name, owner string) {
		first := openFleet(t, owner, 1)
		if _, err := sqlite.Open(t.Context(), name, quiet); !errors.Is(err, sqlite.ErrInUse) {
			t.Errorf("a second Open, as %s: %v", name, err)
		}
		if line := startChild(t, "open", name).line(); !strings.Contains(line, "in use by another caravan") {
			t.Errorf("a second process, as %s: %s", name, line)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range names {
		refused(name, names[(i+1)%len(names)])
	}
	hard := filepath.Join(dir, "hard.db")
	if err := os.Link(path, hard); err != nil {
		t.Fatal(err)
	}
	refused(hard, path)
	refused(path, hard)
}

// TestAFileThatAnotherProgramHasLocked may be opened at the next attempt, says the error.
func TestAFileThatAnotherProgramHasLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "caravan.db")
	c := startChild(t, "lock", path)
	if line := c.line(); line != "locked" {
		t.Fatal(line)
	}
	if _, err := sqlite.Open(t.Context(), path, quiet); !errors.Is(err, room.ErrStoreDown) {
		t.Errorf("while it is locked: %v; want %v", err, room.ErrStoreDown)
	}
	if _, err := sqlite.OpenSeeder(t.Context(), path, quiet); !errors.Is(err, room.ErrStoreDown) {
		t.Errorf("for seeding, while it is locked: %v; want %v", err, room.ErrStoreDown)
	}
	c.kill()
	openFleet(t, path, 1).closeAfter(t)
}

func TestSeederWorksBesideTheOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "caravan.db")
	for _, who := range []string{"alone on a new file", "beside its owner"} {
		seeder, err := sqlite.OpenSeeder(t.Context(), path, quiet)
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		if err := errors.Join(seeder.Seed(t.Context(), persist.Fleet(3, 2)), seeder.Close()); err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		if who == "alone on a new file" {
			openFleet(t, path, 1).closeAfter(t)
		}
	}
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	noDatabase := filepath.Join(dir, "text")
	if err := os.WriteFile(noDatabase, []byte(strings.Repeat("this is no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{noDatabase, dir, filepath.Join(noDatabase, "below", "a.db")} {
		store, err := sqlite.Open(context.Background(), path, quiet)
		if err == nil {
			t.Errorf("%s was opened", path)
			_ = store.Close()
		} else if strings.ContainsAny(err.Error(), "\n") {
			t.Errorf("%s: the error has several lines: %v", path, err)
		}
	}
}

func TestOddPathsAreTakenAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"with space.db", "100%41.db", "a?mode=memory", "a#b", ":memory:", "ünï.db"} {
		path := filepath.Join(dir, name)
		f := openFleet(t, path, 1)
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
