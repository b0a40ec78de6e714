package socket_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
)

// serveBusy is a server whose resumes are answered once they are let.
func serveBusy(t *testing.T, cfg socket.Config) (s *server, b *busy, let func()) {
	b = &busy{let: make(chan struct{})}
	s = serveOn(t, cfg, func(s room.Store) room.Store {
		b.Store = s
		return b
	})
	let = sync.OnceFunc(func() { close(b.let) })
	t.Cleanup(let) // also where the test fails
	return s, b, let
}

// resumed is a room whose history has to be read from the log.
func resumed(in string) string { return `{"id":"` + in + `","since":0}` }

// enterTrip connects a user by version 2 to a trip's own socket.
func (s *server) enterTrip(user, trip int) *client {
	s.t.Helper()
	c, err := s.open(fmt.Sprintf("/ws/chat/%s/?v=2&token=%s", persist.FleetTrip(trip), sign(s.t, persist.FleetUser(user), time.Hour)), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c.hearHistory(s.roomOfTrip(user, trip))
	return c
}

// ownRead is what the user's other connections are told of a mark.
func ownRead(in string, seq int) string {
	return fmt.Sprintf(`{"type":"own","chat_room_id":"%s","read_seq":%d}`, in, seq)
}

// TestAMarkIsToldWithAHistoryThatWaitsInLine: it never goes back, and nothing is told of a
// room before its history. A room that is subscribed anew goes on hearing at once.
func TestAMarkIsToldWithAHistoryThatWaitsInLine(t *testing.T) {
	t.Parallel()
	for _, anew := range []bool{false, true} {
		s, b, let := serveBusy(t, socket.Config{RecheckEvery: time.Hour})
		s.admit(0, 1)
		zero, one := s.roomOfTrip(0, 0), s.roomOfTrip(0, 1)
		s.fill(0, 1, 3, 10)
		ada, tablet := s.openUser(0), s.enterTrip(0, 1)
		if anew {
			ada.subscribe(one)
			ada.hearHistory(one)
		}
		ada.subscribe(resumed(zero), one)
		await.Until(t, "the first history is being read", func() bool { return b.looks.Load() > 0 })
		tablet.send(`{"type":"mark_read","seq":3,"client_id":"m"}`)
		tablet.mustAck(one, "m")
		if anew {
			ada.mustRead(ownRead(one, 3))
		}
		ada.quiet()
		let()
		ada.hearHistory(zero)
		ada.hear("message_history", one)
		if own := ada.hear("own", one); !strings.Contains(own, `"read_seq":3,`) {
			t.Errorf("anew: %v: %s", anew, own)
		}
		ada.quiet()
	}
}

// TestAMarkWithoutANoticeIsToldAtTheNextCheck, once, to each connection that does not know it:
// no notice came, as where Redis is away, or it came before the connection was in the room.
func TestAMarkWithoutANoticeIsToldAtTheNextCheck(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: 50 * time.Millisecond})
	s.admit(0, 1)
	zero, one := s.roomOfTrip(0, 0), s.roomOfTrip(0, 1)
	s.fill(0, 0, 3, 10)
	phone, tablet, ada := s.enterTrip(0, 0), s.enterTrip(0, 0), s.openUser(0)
	old, _ := s.join(0, "")
	bob, _ := s.join(3, "&v=2")
	bob.text()
	ada.subscribe(one, zero)
	ada.hearHistory(one)
	ada.hearHistory(zero)
	for _, c := range []struct{ stored, told int }{{2, 2}, {1, 0}, {3, 3}} {
		s.exec(`INSERT INTO chat_reads (chat_room_id, user_id, read_seq, updated_at) VALUES (?, ?, ?, '2026-01-02 03:04:05')
			ON CONFLICT DO UPDATE SET read_seq = excluded.read_seq`, zero, persist.FleetUser(0).String(), c.stored)
		for _, is := range []*client{phone, tablet, ada} {
			if c.told > 0 {
				is.mustRead(ownRead(zero, c.told))
			}
		}
	}
	phone.send(`{"type":"mark_read","seq":3,"client_id":"m"}`) // is so
	phone.mustAck(zero, "m")
	s.settle(1, 10) // told by a later check
	for _, c := range []*client{phone, tablet, ada, bob} {
		c.hear("room", zero)
		c.quiet()
	}
	old.quiet()
}

// TestAHistoryThatWaitedSaysHowItsRoomIsSetNow, and not how it was when it was asked for.
func TestAHistoryThatWaitedSaysHowItsRoomIsSetNow(t *testing.T) {
	t.Parallel()
	s, b, let := serveBusy(t, socket.Config{RecheckEvery: 50 * time.Millisecond})
	s.admit(0, 1, 2)
	zero, one, two := s.roomOfTrip(0, 0), s.roomOfTrip(0, 1), s.roomOfTrip(0, 2)
	ada := s.openUser(0)
	ada.subscribe(two)
	ada.hearHistory(two)
	ada.subscribe(resumed(zero), one)
	await.Until(t, "the first history is being read", func() bool { return b.looks.Load() > 0 })
	s.exec("UPDATE chat_rooms SET slow_mode = 10")
	ada.hear("room", two) // so all are known
	let()
	ada.hearHistory(zero)
	if text := ada.hear("message_history", one); !strings.HasSuffix(text, `,"slow_mode":10}`) {
		t.Errorf("%s", text)
	}
}
