package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// sender is a store with one room, whose member says things.
type sender struct {
	*Store
	access room.Access
}

func newSender(t *testing.T) *sender {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "caravan.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Seed(t.Context(), persist.Fleet(1, 1)); err != nil {
		t.Fatal(err)
	}
	answers, err := s.Access(t.Context(), []room.AccessQuestion{{User: persist.FleetUser(0), Place: persist.FleetTrip(0)}})
	if err != nil {
		t.Fatal(err)
	}
	return &sender{s, answers[0]}
}

func (s *sender) say(ctx context.Context, content string) error {
	return s.Append(ctx, []*room.Op{{
		Intent: protocol.Intent{Kind: protocol.KindMessage, MessageID: uuid.Must(uuid.NewV7()), Content: content, Type: protocol.TypeText},
		Room:   s.access.Room.ID, Trip: s.access.Room.TripID, Sender: s.access.User, At: time.Now().UTC().Truncate(time.Microsecond),
	}}, room.Within{})

}

// TestWriterRefusedBySQLite makes the writing connection fail in ways that end by
// themselves, and sees that reading goes on, and writing after.
func TestWriterRefusedBySQLite(t *testing.T) {
	for _, fault := range []struct{ name, set, lift string }{
		{"disk full", "PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000"},
		{"read-only", "PRAGMA query_only = ON", "PRAGMA query_only = OFF"},
	} {
		t.Run(fault.name, func(t *testing.T) {
			s := newSender(t)
			if err := s.say(t.Context(), "before"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.writer.Exec(fault.set); err != nil {
				t.Fatal(err)
			}
			var err error
			stored := int64(1)
			for ; err == nil && stored < 1000; stored++ { // pages with room take some more
				err = s.say(t.Context(), "more and more and more and more")
			}
			stored--
			if !errors.Is(err, room.ErrNotStored) {
				t.Fatalf("append: %v, want %v", err, room.ErrNotStored)
			}
			if strings.Contains(err.Error(), "rollback") { // SQLite may have done that itself
				t.Errorf("it does not say what is wrong alone: %q", err)
			}
			page, err := room.Changes(t.Context(), s, room.SinceQuery{Room: s.access.Room.ID, Limit: 1000})
			if err != nil || page.Seq != stored || int64(len(page.Messages)) != stored {
				t.Errorf("reading meanwhile: %d messages at %d, %v; want %d", len(page.Messages), page.Seq, err, stored)
			}
			if _, err := s.writer.Exec(fault.lift); err != nil {
				t.Fatal(err)
			}
			if err := s.say(t.Context(), "after"); err != nil {
				t.Errorf("after it was lifted: %v", err)
			}
			if heads, err := s.Heads(t.Context(), []uuid.UUID{s.access.Room.ID}); err != nil || heads[0].Seq != stored+1 {
				t.Errorf("the room stands at %v, %v; want %d", heads, err, stored+1)
			}
		})
	}
}

// TestAPanicLeavesNothingBehind: there is one connection that writes.
func TestAPanicLeavesNothingBehind(t *testing.T) {
	s := newSender(t)
	for name, panics := range map[string]func(){
		"append":   func() { _, _ = s.transact(t.Context(), []*room.Op{nil}, persist.Commit, persist.Limits{}) },
		"write":    func() { _ = writeAll(t.Context(), s.writer, func(*sql.Tx) error { panic("in a test") }) },
		"snapshot": func() { _ = s.read.snapshot(t.Context(), func(*sql.Tx) error { panic("in a test") }) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			panics()
		}()
	}
	for name, db := range map[string]*sql.DB{"writer": s.writer, "reader": s.read.db, "bulk": s.bulk.db, "probe": s.probe} {
		if n := db.Stats().InUse; n != 0 {
			t.Errorf("%d connections of the %s are in use", n, name)
		}
	}
	if t.Failed() {
		return // a call would wait for a connection for ever
	}
	if err := s.say(t.Context(), "after"); err != nil {
		t.Error(err)
	}
}

func TestDisownedCommitIsNotStored(t *testing.T) {
	s := newSender(t)
	if _, err := s.writer.Exec("PRAGMA user_version = 42"); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("fsync failed")
	if err := s.disown(t.Context(), cause); !errors.Is(err, cause) || errors.Is(err, room.ErrOutcomeUnknown) {
		t.Errorf("disown: %v, want %v alone", err, cause)
	}
	var version int
	if err := s.writer.QueryRow("PRAGMA user_version").Scan(&version); err != nil || version != 42 {
		t.Errorf("user_version is %d, %v; want 42 as before", version, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.disown(ended, cause); !errors.Is(err, room.ErrOutcomeUnknown) || !errors.Is(err, cause) {
		t.Errorf("disown that fails: %v, want %v", err, room.ErrOutcomeUnknown)
	}
}

func TestStampReadsWhatOthersWrite(t *testing.T) {
	want := time.Date(2024, 2, 29, 13, 14, 15, 160_000_000, time.UTC)
	for text, want := range map[string]time.Time{
		"2024-02-29 13:14:15.160000":       want,
		"2024-02-29 13:14:15.16":           want,
		"2024-02-29T13:14:15.160000Z":      want,
		"2024-02-29T13:14:15.16+00:00":     want,
		"2024-02-29 15:14:15.160000+02:00": want,
		"2024-02-29 13:14:15":              want.Truncate(time.Second),
		"2024-02-29":                       want.Truncate(24 * time.Hour),
	} {
		var got time.Time
		if err := (stamp{&got}).Scan(text); err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	var got time.Time
	if err := (stamp{&got}).Scan("yesterday"); err == nil {
		t.Error("yesterday is taken for a time")
	}
	if text := formatStamp(want.In(time.FixedZone("", 3600))); text != "2024-02-29 13:14:15.160000" {
		t.Errorf("formatStamp: %q", text)
	}
}

// TestStampsAreAsFormatWritesThem, at all times of all zones.
func TestStampsAreAsFormatWritesThem(t *testing.T) {
	zone := time.FixedZone("east", 5*60*60+45*60)
	for _, at := range []time.Time{
		{}, time.Unix(0, 0), time.Date(2026, 11, 27, 22, 8, 9, 123456789, time.UTC), time.Date(2024, 2, 29, 23, 59, 59, 999999999, zone),
		time.Date(1, 1, 1, 0, 0, 0, 0, zone), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got, want := formatStamp(at), at.UTC().Format(stampLayout); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
