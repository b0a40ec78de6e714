package socket_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/socket"
)

// readsFrame is who has read how far.
type readsFrame struct {
	Type  string    `json:"type"`
	Room  uuid.UUID `json:"chat_room_id"`
	Reads []struct {
		User uuid.UUID `json:"user_id"`
		Seq  int64     `json:"seq"`
	} `json:"reads"`
}

// watched is what a client knows of who has read how far.
type watched map[uuid.UUID]int64

// learn reads frames of reads until one has news, and returns what is known with it. What the
// first list says may be told once more, where the mark was told to nobody before.
func (w watched) learn(c *client) watched {
	c.t.Helper()
	for news := false; !news; {
		var f readsFrame
		if text := c.text(); json.Unmarshal([]byte(text), &f) != nil || f.Type != "reads" || f.Reads == nil {
			c.t.Fatalf("got %s", text)
		}
		news = len(f.Reads) == 0
		for _, r := range f.Reads {
			if r.Seq < w[r.User] {
				c.t.Errorf("told that %s has read up to %d, after %d", r.User, r.Seq, w[r.User])
			}
			news = news || r.Seq > w[r.User]
			w[r.User] = max(w[r.User], r.Seq)
		}
	}
	return w
}

func (c *client) mustAck(in, id string) {
	c.t.Helper()
	c.mustRead(fmt.Sprintf(`{"type":"ack","chat_room_id":"%s","client_id":"%s"}`, in, id))
}

// TestWhoWatchesIsToldWhoHasReadHowFar: all at first, then what changes; nobody else is, nor a
// client of version 1, nor who does not watch any more.
func TestWhoWatchesIsToldWhoHasReadHowFar(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	in, adaID, bobID, eveID := s.roomOf(0), persist.FleetUser(0), persist.FleetUser(3), persist.FleetUser(6)
	ada, bob, eve := s.join2(0), s.join2(3), s.join2(6)
	old, _ := s.join(9, "")
	old.send(`{"type":"watch","reads":true,"presence":true,"client_id":"o1"}`)
	for range 4 {
		bob.send(`{"type":"chat_message","content":"x"}`)
	}
	hears(4, ada, bob, eve, old)
	mark := func(c *client, seq int) {
		t.Helper()
		c.send(fmt.Sprintf(`{"type":"mark_read","seq":%d,"client_id":"m%[1]d"}`, seq))
		c.mustAck(in, fmt.Sprintf("m%d", seq))
	}
	mark(eve, 2)
	ada.send(`{"type":"watch","reads":true,"client_id":"w1"}`)
	ada.mustAck(in, "w1")
	knows := make(watched)
	if knows.learn(ada); len(knows) != 1 || knows[eveID] != 2 {
		t.Errorf("at first: %v", knows)
	}
	mark(bob, 3)
	if knows.learn(ada); len(knows) != 2 || knows[bobID] != 3 {
		t.Errorf("then: %v", knows)
	}
	mark(bob, 4)
	mark(eve, 3)
	for knows[bobID] != 4 || knows[eveID] != 3 {
		knows.learn(ada)
	}
	ada.send(`{"type":"mark_read","seq":1}`) // the user's own is told as well
	for knows[adaID] != 1 {
		knows.learn(ada)
	}
	if now := s.handler.Stats().WatchersNow; now != 1 {
		t.Errorf("%d watch", now)
	}
	ada.send(`{"type":"watch","client_id":"w2"}`)
	ada.mustAck(in, "w2")
	told := s.handler.Stats()
	mark(eve, 4)
	for _, c := range []*client{ada, bob, eve, old} {
		c.quiet()
	}
	ada.send(`{"type":"watch","reads":true}`)
	if again := make(watched).learn(ada); len(again) != 3 || again[eveID] != 4 || again[bobID] != 4 || again[adaID] != 1 {
		t.Errorf("again: %v", again)
	}
	if now := s.handler.Stats(); told.WatchersNow != 0 || now.WatchersNow != 1 || now.ReadsTold != told.ReadsTold {
		t.Errorf("%+v, then %+v", told, now)
	}
	_ = ada.conn.Close()
	await.Until(t, "nobody watches", func() bool { return s.handler.Stats().WatchersNow == 0 })
}

// TestALargeRoomIsNotToldWhoHasRead: the frame is taken, and nothing comes of it. A room of as
// many collaborators as there may be is told.
func TestALargeRoomIsNotToldWhoHasRead(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	if err := s.store.Seed(t.Context(), persist.Fleet(302, trips)); err != nil { // 101 in trips 0 and 1, 100 in trip 2
		t.Fatal(err)
	}
	for trip, members := range map[int]int{0: 101, 2: 100} {
		in := s.roomOf(trip)
		ada, bob := s.join2(trip), s.join2(trip+3)
		bob.send(`{"type":"chat_message","content":"x"}`)
		hears(1, ada, bob)
		ada.send(`{"type":"watch","reads":true,"client_id":"w"}`)
		ada.mustAck(in, "w")
		if members <= 100 {
			if knows := make(watched).learn(ada); len(knows) != 0 {
				t.Errorf("at first: %v", knows)
			}
		}
		before := s.handler.Stats().ReadsTold
		bob.send(`{"type":"mark_read","seq":1,"client_id":"m"}`)
		bob.mustAck(in, "m")
		if members <= 100 {
			if knows := make(watched).learn(ada); knows[persist.FleetUser(trip+3)] != 1 {
				t.Errorf("then: %v", knows)
			}
			continue
		}
		ada.quiet() // what bob's mark is for the loops came before
		if told := s.handler.Stats().ReadsTold; told != before {
			t.Errorf("%d frames in a room of %d", told-before, members)
		}
	}
}

// TestWhoWatchesIsToldOnceASecond however often others read, and knows all of it in the end.
func TestWhoWatchesIsToldOnceASecond(t *testing.T) {
	t.Parallel()
	const marks = 300
	s := serve(t, socket.Config{})
	in := s.roomOf(0)
	ada, bob := s.join2(0), s.join2(3)
	for range marks {
		bob.send(`{"type":"chat_message","content":"x"}`)
	}
	hears(marks, ada, bob)
	begun := time.Now()
	ada.send(`{"type":"watch","reads":true}`)
	knows := make(watched).learn(ada)
	for n := range marks {
		bob.send(fmt.Sprintf(`{"type":"mark_read","seq":%d,"client_id":"m%[1]d"}`, n+1))
		bob.mustAck(in, fmt.Sprintf("m%d", n+1))
		time.Sleep(5 * time.Millisecond)
	}
	frames := 0
	for knows[persist.FleetUser(3)] != marks {
		knows.learn(ada)
		frames++
	}
	if most := int(time.Since(begun)/time.Second) + 1; frames > most || frames < 1 {
		t.Errorf("%d frames of changes in %v", frames, time.Since(begun))
	}
}

// TestAFloodOfWatchesIsBounded: over the rate of reads it is refused, and a look that is
// under way serves all.
func TestAFloodOfWatchesIsBounded(t *testing.T) {
	t.Parallel()
	rates := allowance.Rates{allowance.Reads: {PerSecond: 0.001, Burst: 3}}
	s := serve(t, socket.Config{Allowances: allowance.New(rates)})
	c := s.join2(0) // one
	var refused, acks, told int
	watch := func(times int) {
		for range times {
			c.send(fmt.Sprintf(`{"type":"watch","reads":true,"client_id":"w%d"}`, acks+refused))
		}
		for until := acks + refused + times; acks+refused < until; {
			switch f := c.next(); {
			case f.Type == "ack":
				acks++
			case f.Type == "reads":
				told++
			case f.Code == "rate_limited" && f.ClientID != "":
				refused++
			default:
				t.Fatalf("%+v", f)
			}
		}
	}
	watch(50)
	// A look that is under way serves who asks meanwhile; the next one is counted anew.
	await.Until(t, "one is over the rate", func() bool {
		watch(1)
		c.quietButReads(&told)
		return refused > 0
	})
	if told > 2 || refused == 0 {
		t.Errorf("%d acks, %d refused, %d frames", acks, refused, told)
	}
	bad := `{"type":"watch","reads":"yes","client_id":"b"}`
	c.send(bad)
	for f := c.next(); f.Code != "invalid_field" || f.ClientID != "b"; f = c.next() {
		if f.Type != "reads" {
			t.Fatalf("%s gets %+v", bad, f)
		}
	}
}

// quietButReads checks that a client was told nothing until now but frames of reads, which it
// counts.
func (c *client) quietButReads(told *int) {
	c.t.Helper()
	c.send(`{"type":"ping"}`)
	for f := c.next(); f.Type != "pong"; f = c.next() {
		if f.Type != "reads" {
			c.t.Fatalf("%+v", f)
		}
		*told++
	}
}
