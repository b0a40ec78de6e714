package room_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
)

func allowing(kind allowance.Kind, perSecond float64, burst int) room.Config {
	var rates allowance.Rates
	rates[kind] = allowance.Rate{PerSecond: perSecond, Burst: burst}
	return room.Config{Allowances: allowance.New(rates)}
}

// TestWhoReadsTooMuchIsNotLetIn: an entry is a read, and is refused before the database
// is asked.
func TestWhoReadsTooMuchIsNotLetIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		var asked atomic.Int64
		store.at("Access", func() { asked.Add(1) })
		s := room.New(store, believing{}, nil, allowing(allowance.Reads, 1, 2))
		defer s.Close()
		enter := func(user int) (got error) {
			s.Enter(room.EnterRequest{Bearer: persist.FleetUser(user).String(), Place: roomA, PlaceOK: true}, func(_ room.Entry, err error) { got = err })
			pass(100 * time.Millisecond)
			return got
		}
		for i, want := range []error{nil, nil, room.ErrRateLimited} {
			if err := enter(0); !errors.Is(err, want) {
				t.Errorf("entry %d: %v", i, err)
			}
		}
		if n := asked.Load(); n != 2 {
			t.Errorf("the database was asked %d times", n)
		}
		if err := enter(1); err != nil {
			t.Errorf("another user: %v", err)
		}
		pass(time.Second)
		if err := enter(0); err != nil {
			t.Errorf("a second later: %v", err)
		}
		if st := s.Stats(); st.EnterLimited != 1 || st.ReadsOverRate != 1 {
			t.Errorf("counted: %+v", st)
		}
	})
}

// TestAnswersAreCountedInBytes lets a user have each kind of answer, and none after it.
func TestAnswersAreCountedInBytes(t *testing.T) {
	h := open(t, allowing(allowance.ReadBytes, 1, 100))
	id := h.rooms[0].ID
	for i := range 3 {
		h.send(t, 0, fmt.Sprint(i, strings.Repeat("x", 200)))
	}
	last := h.send(t, 0, strings.Repeat("y", 200))
	for name, read := range map[string]func(user uuid.UUID) error{
		"Page": func(user uuid.UUID) error {
			p, err := h.Page(t.Context(), room.PageQuery{User: user, Room: id, Limit: 50})
			if len(p.Messages) != 4 {
				t.Errorf("the newest page has %d messages", len(p.Messages))
			}
			return err
		},
		"Since": func(user uuid.UUID) error {
			_, err := h.Since(t.Context(), room.SinceQuery{User: user, Room: id, Limit: 50})
			return err
		},
		"Message": func(user uuid.UUID) error { _, err := h.Message(t.Context(), user, last.ID); return err },
	} {
		t.Run(name, func(t *testing.T) {
			user := uuid.New()
			if wait := h.MayRead(user); wait > 0 {
				t.Fatal("the first read is refused")
			}
			if err := read(user); err != nil {
				t.Fatal(err)
			}
			if wait := h.MayRead(user); wait < time.Second {
				t.Errorf("the next one may come after %v", wait)
			}
			if wait := h.MayRead(uuid.New()); wait > 0 {
				t.Error("another user is refused")
			}
		})
	}
	rooms, err := h.Rooms(t.Context(), room.RoomsQuery{User: h.users[0].ID, Limit: 50})
	if wait := h.MayRead(h.users[0].ID); err != nil || len(rooms.Rooms) != 1 || wait < time.Second {
		t.Errorf("Rooms: %+v, %v, then a wait of %v", rooms, err, wait)
	}
}

// TestRowsThatLeaveNothingCostAsWell asks for a stretch of the log of which all but the
// last number are covered by that one.
func TestRowsThatLeaveNothingCostAsWell(t *testing.T) {
	const edits, perSecond = 40, 1000
	h := open(t, allowing(allowance.ReadBytes, perSecond, 1))
	m := h.send(t, 0, "a message")
	for i := range edits {
		op := h.message(0, fmt.Sprint("an edit ", i))
		op.Kind, op.MessageID = protocol.KindEdit, m.ID
		if err := h.Do(t.Context(), op); err != nil || op.Outcome != room.Stored {
			t.Fatal(err, op.Err)
		}
	}
	user := uuid.New()
	if _, err := h.Since(t.Context(), room.SinceQuery{User: user, Room: h.rooms[0].ID, Limit: 200}); err != nil {
		t.Fatal(err)
	}
	if wait, least := h.MayRead(user), edits*200*time.Second/perSecond; wait < least {
		t.Errorf("the next read may come after %v, not %v", wait, least)
	}
}

// TestTheLogTellsWhoReadsTooMuchNowAndThen has a user refused often.
func TestTheLogTellsWhoReadsTooMuchNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		cfg := allowing(allowance.Reads, 0.001, 1)
		cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		s := room.New(newMemory(), nil, nil, cfg)
		user := uuid.New()
		for range 19 * 10 {
			s.MayRead(user)
			time.Sleep(100 * time.Millisecond)
		}
		s.Close()
		lines := strings.Count(log.String(), "a user reads more than is allowed")
		if lines < 1 || lines > 2 || !strings.Contains(log.String(), user.String()) {
			t.Errorf("in 19 s the log has %d lines:\n%s", lines, log.String())
		}
	})
}

// readersStore has messages that many have read, and says so on a page of none of them.
type readersStore struct{ *memory }

func (readersStore) Readers(context.Context, room.ReadersQuery) (room.ReaderPage, error) {
	return room.ReaderPage{Count: 10_000}, nil
}

// TestWhoCountsReadersPaysForThem, however few of them are on the page.
func TestWhoCountsReadersPaysForThem(t *testing.T) {
	const perSecond, rowBytes = 256_000, 256
	synctest.Test(t, func(t *testing.T) {
		s := room.New(readersStore{newMemory()}, nil, nil, allowing(allowance.ReadBytes, perSecond, 1))
		defer s.Close()
		user := uuid.New()
		if p, err := s.Readers(t.Context(), user, room.ReadersQuery{Room: roomA, Limit: 50}); err != nil || p.Count != 10_000 {
			t.Fatal(p, err)
		}
		if wait, want := s.MayRead(user), 10_000*rowBytes*time.Second/perSecond; wait < want-time.Second {
			t.Errorf("the next read may come after %v, want %v", wait, want)
		}
	})
}
