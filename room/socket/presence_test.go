package socket_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/presence"
	"github.com/caravan-chat/caravan/room/socket"
)

// presenceFrame is who is in a room.
type presenceFrame struct {
	Type         string      `json:"type"`
	Room         uuid.UUID   `json:"chat_room_id"`
	Online       int         `json:"online"`
	Full         bool        `json:"full"`
	Partial      bool        `json:"partial"`
	Users        []uuid.UUID `json:"users"`
	Joined, Left []uuid.UUID
}

// here is what a client knows of who is in a room.
type here map[uuid.UUID]bool

// learn takes a frame of presence, and fails where it does not go with what is known.
func (h here) learn(c *client, text string) {
	c.t.Helper()
	var f presenceFrame
	if json.Unmarshal([]byte(text), &f) != nil || f.Type != "presence" {
		c.t.Fatalf("got %s", text)
	}
	if f.Full {
		clear(h)
	}
	for _, id := range append(f.Users, f.Joined...) {
		if h[id] {
			c.t.Errorf("%s has come twice: %s", id, text)
		}
		h[id] = true
	}
	for _, id := range f.Left {
		if !h[id] {
			c.t.Errorf("%s has left, who was not there: %s", id, text)
		}
		delete(h, id)
	}
	if len(h) != f.Online {
		c.t.Errorf("%d are known after %s", len(h), text)
	}
}

// until reads frames of presence until these users are there.
func (h here) until(c *client, users ...int) {
	c.t.Helper()
	want := make(here)
	for _, u := range users {
		want[persist.FleetUser(u)] = true
	}
	for !maps.Equal(h, want) {
		h.learn(c, c.text())
	}
}

// TestWhoWatchesIsToldWhoIsThere: all at first, then who comes and goes, once and not by
// connection; nobody else is, nor a client of version 1.
func TestWhoWatchesIsToldWhoIsThere(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	in := s.roomOf(0)
	ada, bob := s.join2(0), s.join2(3)
	old, _ := s.join(6, "")
	old.send(`{"type":"watch","presence":true,"client_id":"o1"}`)
	ada.send(`{"type":"watch","presence":true,"client_id":"w1"}`)
	ada.mustAck(in, "w1")
	knows := make(here)
	knows.until(ada, 0, 3, 6)
	eve := s.join2(9)
	knows.until(ada, 0, 3, 6, 9)
	second := s.join2(9)
	_ = eve.conn.Close()
	_ = old.conn.Close()
	knows.until(ada, 0, 3, 9)
	_ = second.conn.Close()
	knows.until(ada, 0, 3)
	ada.send(`{"type":"watch","presence":true}`) // again: all of it
	again := make(here)
	again.until(ada, 0, 3)
	if now := s.handler.Stats(); now.PresenceWatchersNow != 1 || now.PresenceTold < 3 {
		t.Errorf("%+v", now)
	}
	ada.send(`{"type":"watch","client_id":"w2"}`)
	ada.mustAck(in, "w2")
	await.Until(t, "nobody watches", func() bool { return s.handler.Stats().PresenceWatchersNow == 0 })
	s.join2(12)
	ada.quiet()
	bob.quiet()
}

// TestComingBackWithinTheGraceIsNotTold: nor is a second connection.
func TestComingBackWithinTheGraceIsNotTold(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	ada, bob := s.join2(0), s.join2(3)
	ada.send(`{"type":"watch","presence":true}`)
	knows := make(here)
	knows.until(ada, 0, 3)
	told := s.handler.Stats().PresenceTold
	for range 3 {
		next := s.join2(3)
		_ = bob.conn.Close()
		bob = next
	}
	eve := s.join2(6)
	text := ada.text()
	knows.learn(ada, text)
	if want := fmt.Sprintf(`"online":3,"joined":["%s"],"left":[]}`, persist.FleetUser(6)); !strings.HasSuffix(text, want) {
		t.Errorf("got %s, want … %s", text, want)
	}
	if n := s.handler.Stats().PresenceTold - told; n != 1 {
		t.Errorf("%d frames", n)
	}
	eve.quiet()
}

// TestPresenceOnAUserSocket: a room is watched by its name, also before its history is there;
// who unsubscribes has left, and is not told.
func TestPresenceOnAUserSocket(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	s.admit(0, 1)
	one, other := s.roomOfTrip(0, 0), s.roomOfTrip(0, 1)
	tablet := s.openUser(0)
	tablet.send(`{"type":"subscribe","rooms":[{"id":"` + one + `"},{"id":"` + other + `"}]}`)
	tablet.send(`{"type":"watch","chat_room_id":"` + one + `","presence":true}`)
	tablet.hearHistory(one)
	knows := make(here)
	var told []string
	for len(told) < 3 { // the other history, own, and who is there
		text := tablet.text()
		if strings.HasPrefix(text, `{"type":"presence"`) {
			knows.learn(tablet, text)
		}
		told = append(told, text)
	}
	if !slices.ContainsFunc(told, func(text string) bool { return strings.HasPrefix(text, `{"type":"presence","chat_room_id":"`+one+`"`) }) {
		t.Fatalf("got %s", told)
	}
	bob := s.join2(3)
	knows.until(tablet, 0, 3)
	eve := s.join2(1)
	eve.send(`{"type":"watch","presence":true}`)
	sees := make(here)
	sees.until(eve, 0, 1)
	tablet.send(`{"type":"unsubscribe","rooms":["` + other + `","` + one + `"],"client_id":"u"}`)
	tablet.mustRead(`{"type":"ack","client_id":"u"}`)
	sees.until(eve, 1)
	await.Until(t, "one watches", func() bool { return s.handler.Stats().PresenceWatchersNow == 1 })
	_ = bob.conn.Close()
	tablet.quiet()
}

// TestAFloodOfPresenceWatches: each counts as a read, and is refused beyond their rate. Who
// leaves in between takes all of it away.
func TestAFloodOfPresenceWatches(t *testing.T) {
	t.Parallel()
	const frames, reads = 100, 6
	s := serve(t, socket.Config{Allowances: allowance.New(allowance.Rates{allowance.Reads: {PerSecond: 0.001, Burst: reads}})})
	ada := s.join2(0)
	for n := range frames {
		ada.send(fmt.Sprintf(`{"type":"watch","presence":%t,"client_id":"w%d"}`, n%2 == 0, n))
	}
	acks, refused := 0, 0
	for acks+refused < frames {
		switch f := ada.next(); {
		case f.Type == "ack":
			acks++
		case f.Type == "presence":
		case f.Code == "rate_limited" && f.ClientID == fmt.Sprintf("w%d", acks+refused):
			refused++
		default:
			t.Fatalf("%+v", f)
		}
	}
	if most := frames/2 + reads; acks < frames/2 || acks > most { // half of them ask for nothing
		t.Errorf("%d acks, %d refused", acks, refused)
	}
	ada.send(`{"type":"watch","presence":"yes","client_id":"w"}`)
	for f := ada.next(); f.Code != "invalid_field" || f.ClientID != "w"; f = ada.next() {
		if f.Type != "presence" {
			t.Fatalf("%+v", f)
		}
	}
	ada.quiet()
	if now := s.handler.Stats().PresenceWatchersNow; now != 0 {
		t.Errorf("%d watch", now)
	}
}

// toldNothing watches a room for nobody.
type toldNothing struct{}

func (toldNothing) TellPresence(*presence.Told) presence.Waker { return nil }

// TestAWatchIsAckedOrRefused: where too many rooms are watched there is no ack before it.
func TestAWatchIsAckedOrRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	in := s.roomOf(0)
	ada := s.join2(0)
	for n := 0; s.svc.WatchPresence(uuid.UUID{byte(n >> 16), byte(n >> 8), byte(n), 1}, toldNothing{}); n++ {
	}
	for range 2 {
		ada.send(`{"type":"watch","presence":true,"client_id":"w"}`)
		ada.mustRead(`{"type":"error","message":"Who is here cannot be told now; please try again","code":"unavailable","client_id":"w"}`)
	}
	ada.quiet()
	ada.send(`{"type":"watch","client_id":"w2"}`)
	ada.mustAck(in, "w2")
	if now := s.handler.Stats().PresenceWatchersNow; now != 0 {
		t.Errorf("%d watch", now)
	}
}
