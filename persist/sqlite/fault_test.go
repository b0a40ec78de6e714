package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// checkLog reads every room's log and fails the test unless it is dense: each
// message has a number of its own, the greatest is the room's, and with the
// numbers that edits superseded there are no more than that. It returns the log.
func (f *fleet) checkLog(t *testing.T) map[uuid.UUID]protocol.Message {
	t.Helper()
	log := make(map[uuid.UUID]protocol.Message)
	for _, id := range f.rooms {
		heads, err := f.Heads(t.Context(), []uuid.UUID{id})
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[int64]bool)
		for since, more := int64(0), true; more; {
			page, err := room.Changes(t.Context(), f, room.SinceQuery{Room: id, Since: since, Limit: protocol.ResumeMessagesMax})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Messages {
				log[m.ID] = m
				if seen[m.Rev] || seen[m.Seq] && m.Seq != m.Rev {
					t.Errorf("room %s: message %s repeats number %d or %d", id, m.ID, m.Seq, m.Rev)
				}
				seen[m.Seq], seen[m.Rev] = true, true
			}
			since, more = page.Stand, page.HasMore
		}
		// An edit that a later one superseded leaves no trace; those made here edit
		// a message once.
		for n := int64(1); n <= heads[0].Seq; n++ {
			if !seen[n] {
				t.Errorf("room %s: no event %d of %d", id, n, heads[0].Seq)
			}
		}
		if int64(len(seen)) != heads[0].Seq {
			t.Errorf("room %s: %d events, but it stands at %d", id, len(seen), heads[0].Seq)
		}
	}
	return log
}

func TestKilledWriterLosesNothingItTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "caravan.db")
	if err := openFleet(t, path, crashRooms).Close(); err != nil {
		t.Fatal(err)
	}
	told := 0
	for range 6 {
		c := startChild(t, "append", path)
		first := c.line() // it works now
		go func() {
			time.Sleep(rand.N(250 * time.Millisecond))
			_ = c.Process.Kill()
		}()
		events := []event{parseEvent(t, first)}
		for c.lines.Scan() {
			line := c.lines.Text()
			if len(strings.Fields(line)) != 3 || len(line) < 2*36+3 {
				break // the kill cut it
			}
			events = append(events, parseEvent(t, line))
		}
		c.kill()

		f := openFleet(t, path, crashRooms)
		log := f.checkLog(t)
		for _, e := range events {
			if m, ok := log[e.message]; !ok || m.Rev < e.rev || m.RoomID != e.room {
				t.Fatalf("event %+v was told, but is not stored: %+v", e, m)
			}
		}
		told += len(events)
		if err := f.Append(t.Context(), f.sends(10, 50), room.Within{}); err != nil {
			t.Error(err)
		}
		f.checkLog(t)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d events were told before the kills", told)
}

func TestFullDiskRefusesAndRecovers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "caravan.db")
	if err := openFleet(t, path, crashRooms).Close(); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, "limit", path)
	var stored []event
	full := 0
	for line := c.line(); line != ""; line = c.line() {
		if why, ok := strings.CutPrefix(line, "full "); ok {
			if full++; !strings.Contains(why, room.ErrNotStored.Error()) {
				t.Errorf("a full disk: %s; want %v", why, room.ErrNotStored)
			}
			continue
		}
		stored = append(stored, parseEvent(t, line))
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("the child did not recover: %v", err)
	}
	if full == 0 {
		t.Fatal("the disk was never full")
	}
	log := openFleet(t, path, crashRooms).closeAfter(t).checkLog(t)
	for _, e := range stored {
		if _, ok := log[e.message]; !ok {
			t.Errorf("%+v was told, but is not stored", e)
		}
	}
	if len(log) != len(stored) {
		t.Errorf("%d messages are stored, %d were told", len(log), len(stored))
	}
}

func TestFileLockedByAnotherProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "caravan.db")
	f := openFleet(t, path, 2).closeAfter(t)
	if err := f.Append(t.Context(), f.sends(10, 50), room.Within{}); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, "lock", path)
	if line := c.line(); line != "locked" {
		t.Fatal(line)
	}

	if err := f.Append(t.Context(), f.sends(1, 50), room.Within{Commit: 200 * time.Millisecond}); !errors.Is(err, room.ErrNotStored) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("append to a locked file: %v, want %v for the limit", err, room.ErrNotStored)
	}
	if err := f.Append(t.Context(), f.sends(1, 50), room.Within{}); !errors.Is(err, room.ErrNotStored) {
		t.Errorf("append without a limit to a locked file: %v, want %v", err, room.ErrNotStored)
	}
	if pages, err := f.Latest(t.Context(), f.rooms, room.Limit{Messages: 50}); err != nil || len(pages[0].Messages) != 5 {
		t.Errorf("reading a locked file: %v", err)
	}

	c.kill()
	if err := f.Append(t.Context(), f.sends(10, 50), room.Within{}); err != nil {
		t.Errorf("after the lock was given up: %v", err)
	}
	if log := f.checkLog(t); len(log) != 20 {
		t.Errorf("%d messages, want 20", len(log))
	}
}

func TestSecondProcessIsRefusedAndReadersAreNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "caravan.db")
	f := openFleet(t, path, 2).closeAfter(t)
	c := startChild(t, "open", path)
	if line := c.line(); !strings.Contains(line, "in use by another caravan") || !strings.Contains(line, path) {
		t.Errorf("a second process got %q", line)
	}

	shell, err := sql.Open("sqlite", path) // what the sqlite3 shell does
	if err != nil {
		t.Fatal(err)
	}
	defer shell.Close()
	for want := 5; want <= 25; want += 5 {
		if err := f.Append(t.Context(), f.sends(5, 50), room.Within{}); err != nil {
			t.Fatal(err)
		}
		var got int
		if err := shell.QueryRow("SELECT count(*) FROM chat_messages").Scan(&got); err != nil || got != want {
			t.Errorf("another program reads %d messages, %v; want %d", got, err, want)
		}
	}
	if _, err := shell.Exec("UPDATE trips SET title = 'renamed'"); err != nil {
		t.Errorf("another program cannot write the application's table: %v", err)
	}
}

// TestReadOnlyFile opens a file that may only be read, as a user who is bound by
// that: not root.
func TestReadOnlyFile(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "caravan-sqlite-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(os.Chmod(dir, 0o700), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "caravan.db")
	if err := openFleet(t, path, 1).Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + ".lock"} {
		if err := os.Chmod(name, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	c := startUnprivileged(t, "open", path)
	if line := c.line(); !strings.Contains(line, path) || strings.Contains(line, "opened") {
		t.Errorf("opening a read-only file: %q", line)
	}
}

// TestEndedContextStoresAllOrNothing cuts appends off at any moment.
func TestEndedContextStoresAllOrNothing(t *testing.T) {
	f := openFleet(t, filepath.Join(t.TempDir(), "caravan.db"), 3).closeAfter(t)
	begun := time.Now()
	if err := f.Append(t.Context(), f.sends(9, 50), room.Within{}); err != nil {
		t.Fatal(err)
	}
	usual := time.Since(begun)
	var stored, cut atomic.Int64
	stored.Add(9)
	var lanes sync.WaitGroup
	for range 4 {
		lanes.Go(func() {
			for range 60 {
				most := rand.N(20 * usual)
				ctx, cancel := context.WithTimeout(t.Context(), most)
				batch := f.sends(9, 50)
				err := f.Append(ctx, batch, room.Within{Commit: most / 2, Outcome: most / 2})
				cancel()
				switch {
				case err == nil:
					stored.Add(9)
				case errors.Is(err, room.ErrNotStored):
					cut.Add(1)
					for _, op := range batch {
						if op.Outcome != room.Pending {
							t.Errorf("an op of a batch that is not stored has outcome %d", op.Outcome)
						}
					}
				default:
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	lanes.Wait()
	if cut.Load() == 0 || stored.Load() <= 9 {
		t.Fatalf("%d cut, %d stored: proves nothing", cut.Load(), stored.Load())
	}
	if log := f.checkLog(t); int64(len(log)) != stored.Load() {
		t.Errorf("%d messages are stored, %d were told", len(log), stored.Load())
	}
}
