package socket_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
)

// join2 connects user i with version 2, and reads the history and what is the user's own.
func (s *server) join2(i int) *client {
	s.t.Helper()
	c, _ := s.join(i, "&v=2")
	if f := c.next(); f.Type != "own" {
		s.t.Fatalf("%+v", f)
	}
	return c
}

// hears has each client read so many messages.
func hears(n int, clients ...*client) {
	for _, c := range clients {
		c.t.Helper()
		for range n {
			if f := c.next(); f.Type != "chat_message" {
				c.t.Fatalf("%+v", f)
			}
		}
	}
}

// quiet checks that a client was told nothing until now.
func (c *client) quiet() {
	c.t.Helper()
	c.send(`{"type":"ping"}`)
	c.mustRead(`{"type":"pong"}`)
}

// TestAMarkIsToldTheUsersOtherConnections: the value alone, where it grew, and nobody else.
func TestAMarkIsToldTheUsersOtherConnections(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	in := s.roomOf(0)
	own := func(seq int) string { return fmt.Sprintf(`{"type":"own","chat_room_id":"%s","read_seq":%d}`, in, seq) }
	ack := func(id string) string {
		return fmt.Sprintf(`{"type":"ack","chat_room_id":"%s","client_id":"%s"}`, in, id)
	}
	phone, tablet, bob := s.join2(0), s.join2(0), s.join2(3)
	old, _ := s.join(0, "")
	elsewhere := s.join2(1)
	all := []*client{phone, tablet, old, bob}
	for range 4 {
		bob.send(`{"type":"chat_message","content":"x"}`)
	}
	hears(4, all...)

	phone.send(`{"type":"mark_read","seq":1}`)
	tablet.mustRead(own(1))
	tablet.send(`{"type":"mark_read","seq":2,"client_id":"t1"}`)
	tablet.mustRead(ack("t1"))
	phone.mustRead(own(2))
	for i, same := range []string{`"seq":2`, `"seq":1`, `"seq":0`} {
		id := fmt.Sprint("p", i)
		phone.send(`{"type":"mark_read",` + same + `,"client_id":"` + id + `"}`)
		phone.mustRead(ack(id))
	}
	phone.send(`{"type":"mark_read","seq":9223372036854775807,"client_id":"p"}`) // is the room's number
	phone.mustRead(ack("p"))
	tablet.mustRead(own(4))
	bob.send(`{"type":"chat_message","content":"y"}`)
	hears(1, all...)
	a, err := s.svc.Access(t.Context(), persist.FleetUser(0), persist.FleetTrip(0))
	if err != nil {
		t.Fatal(err)
	}
	op := &room.Op{Intent: protocol.Intent{Kind: protocol.KindRead, UpTo: 5}, Room: a.Room.ID, Trip: a.Room.TripID, Sender: a.User}
	if err := s.svc.Do(t.Context(), op); err != nil || op.Outcome != room.Stored { // as over REST
		t.Fatal(op.Err, err)
	}
	phone.mustRead(own(5))
	tablet.mustRead(own(5))
	for _, c := range append(all, elsewhere) {
		c.quiet()
	}
}

// TestWhoComesWhileTheUserReadsIsToldOnce: with the history.
func TestWhoComesWhileTheUserReadsIsToldOnce(t *testing.T) {
	t.Parallel()
	b := &busy{let: make(chan struct{})}
	s := serveOn(t, socket.Config{}, func(s room.Store) room.Store {
		b.Store = s
		return b
	})
	let := sync.OnceFunc(func() { close(b.let) })
	t.Cleanup(let) // also where the test fails
	in := s.roomOf(0)
	phone := s.join2(0)
	phone.send(`{"type":"chat_message","content":"x"}`)
	hears(1, phone)
	tablet, err := s.open("/ws/chat/"+persist.FleetTrip(0).String()+"/?v=2&since=0&token="+sign(t, persist.FleetUser(0), time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the history is being read", func() bool { return b.looks.Load() > 0 })
	phone.send(`{"type":"mark_read","seq":1,"client_id":"p1"}`)
	if f := phone.next(); f.Type != "ack" {
		t.Fatalf("%+v", f)
	}
	let()
	if f := tablet.next(); f.Type != "message_history" {
		t.Fatalf("%+v", f)
	}
	tablet.mustRead(`{"type":"own","v":2,"chat_room_id":"` + in + `","role":"member","permissions":` + memberMay + `,"read_seq":1,"muted_until":null,"reactions":{}}`)
	tablet.quiet()
}

// TestWhoLeavesHasTheirMarkStored, though nothing waited for it.
func TestWhoLeavesHasTheirMarkStored(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	c := s.join2(0)
	c.send(`{"type":"chat_message","content":"x"}`)
	hears(1, c)
	c.send(`{"type":"mark_read","seq":1}`)
	_ = c.conn.Close()
	a, err := s.svc.Access(t.Context(), persist.FleetUser(0), persist.FleetTrip(0))
	if err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the mark is stored", func() bool {
		r, err := s.store.Reading(t.Context(), a.Room.ID, persist.FleetUser(0))
		return err == nil && r.Seq == 1
	})
}

// TestDevicesAgreeOnTheGreatestMark: each of five goes its own way up and down, and none is
// told of less than it was told before.
func TestDevicesAgreeOnTheGreatestMark(t *testing.T) {
	t.Parallel()
	const devices, messages = 5, 20
	s := serve(t, socket.Config{})
	var all []*client
	for range devices {
		all = append(all, s.join2(0))
	}
	for range messages {
		all[0].send(`{"type":"chat_message","content":"x"}`)
	}
	hears(messages, all...)
	var running sync.WaitGroup
	for d, c := range all {
		running.Go(func() {
			for n := range messages {
				id := ""
				if (n+d)%3 == 0 {
					id = fmt.Sprintf(`,"client_id":"%d"`, n)
				}
				c.send(fmt.Sprintf(`{"type":"mark_read","seq":%d%s}`, (n*7+d*3)%messages+1, id))
			}
			c.send(fmt.Sprintf(`{"type":"mark_read","seq":%d,"client_id":"last"}`, messages))
		})
	}
	running.Wait()
	for d, c := range all {
		var told int64
		for f := c.next(); f.Type != "ack" || f.ClientID != "last"; f = c.next() {
			if f.Type == "own" && (f.ReadSeq <= told || f.ReadSeq > messages) {
				t.Errorf("device %d: told %d after %d", d, f.ReadSeq, told)
			}
			told = max(told, f.ReadSeq)
		}
	}
	a, err := s.svc.Access(t.Context(), persist.FleetUser(0), persist.FleetTrip(0))
	if err != nil || a.ReadSeq != messages {
		t.Errorf("%+v, %v", a, err)
	}
}
