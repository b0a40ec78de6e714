package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/room"
)

// sendForever appends batches of messages, and prints each one's room and client_id before its
// commit. A line "-" follows the commit.
func sendForever(path string) error {
	f, err := openFirst(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for size := 1; ; size = size%97 + 13 {
		batch := f.sends(size, 300)
		for i, op := range batch {
			fmt.Fprintln(out, i%len(f.rooms), op.ClientID)
		}
		if err := out.Flush(); err != nil {
			return err
		}
		if err := f.Append(context.Background(), batch, room.Within{}); err != nil {
			return err
		}
		fmt.Fprintln(out, "-")
	}
}

// sent is a message whose answer its sender may not have heard.
type sent struct {
	room     int
	clientID string
}

// resend sends them again, as clients do, in batches of several sizes, and returns the ids that
// they are stored under. All that were committed must be known.
func (f *fleet) resend(t *testing.T, messages []sent, committed int) []uuid.UUID {
	t.Helper()
	ids := make([]uuid.UUID, 0, len(messages))
	for size := 1; len(ids) < len(messages); size = size*3%200 + 1 {
		rest := messages[len(ids):]
		batch := f.sends(min(size, len(rest)), 50)
		for i, op := range batch {
			op.ClientID, op.Room, op.Trip, op.Sender = rest[i].clientID, f.rooms[rest[i].room], persist.FleetTrip(rest[i].room), f.members[rest[i].room]
		}
		if err := f.Append(t.Context(), batch, room.Within{}); err != nil {
			t.Fatal(err)
		}
		for _, op := range batch {
			if known := op.Outcome == room.Duplicate; !known && (op.Outcome != room.Stored || len(ids) < committed) {
				t.Fatalf("message %d of %d, of which %d were committed: outcome %d, %v", len(ids), len(messages), committed, op.Outcome, op.Err)
			}
			ids = append(ids, op.Message.ID)
		}
	}
	return ids
}

// TestWhatIsSentAgainAfterACrashIsStoredOnce, whether the commit was before the crash or not, and
// again after the next one; and in a copy that a backup made.
func TestWhatIsSentAgainAfterACrashIsStoredOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "caravan.db")
	if err := openFleet(t, path, crashRooms).Close(); err != nil {
		t.Fatal(err)
	}
	var all []sent
	for range 4 {
		c := startChild(t, "resend", path)
		first := c.line() // it works now
		go func() {
			time.Sleep(rand.N(250 * time.Millisecond))
			_ = c.Process.Kill()
		}()
		committed := len(all)
		for line := first; ; line = c.lines.Text() {
			var s sent
			if line == "-" {
				committed = len(all)
			} else if n, _ := fmt.Sscan(line, &s.room, &s.clientID); n == 2 && len(s.clientID) == len(uuid.UUID{}.String()) {
				all = append(all, s)
			}
			if !c.lines.Scan() {
				break
			}
		}
		c.kill()

		f := openFleet(t, path, crashRooms)
		ids := f.resend(t, all, committed)
		copied := filepath.Join(t.TempDir(), "copy.db")
		if _, err := sqlite.Backup(t.Context(), path, copied); err != nil {
			t.Fatal(err)
		}
		restored := openFleet(t, copied, crashRooms)
		for name, store := range map[string]*fleet{"again": f, "in the copy": restored} {
			for i, id := range store.resend(t, all, len(all)) {
				if id != ids[i] {
					t.Fatalf("%s: message %d is stored as %s, and was as %s", name, i, id, ids[i])
				}
			}
			store.checkLog(t)
		}
		checkOnce(t, path, len(all))
		checkOnce(t, copied, len(all))
		for _, store := range []*fleet{f, restored} {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("%d messages", len(all))
}

// checkOnce counts the messages of a file, and their client_ids.
func checkOnce(t *testing.T, path string, want int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var rows, keys, numbered int
	err = db.QueryRow(`SELECT count(*), count(DISTINCT chat_room_id || sender_id || client_id), count(client_key) FROM chat_messages`).Scan(&rows, &keys, &numbered)
	if err != nil || rows != want || keys != want || numbered != want {
		t.Errorf("%s: %d messages, %d client_ids, %d numbers, %v; want %d", filepath.Base(path), rows, keys, numbered, err, want)
	}
}
