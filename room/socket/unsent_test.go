package socket_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
	"github.com/caravan-chat/caravan/room/unsent"
)

// Over the limit of unsent answers nobody enters, whatever history they ask for, and who
// repeats a message is turned away in place of being answered. Who is in goes on.
func TestOverTheLimitOfUnsentAnswersNobodyEnters(t *testing.T) {
	t.Parallel()
	const most = 1 << 20
	limit := unsent.New(most)
	s := serve(t, socket.Config{Unsent: limit})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	said := `{"type":"chat_message","content":"hello","client_id":"a1"}`
	bob.send(said)
	ada.next()
	bob.next()
	refused := func(i int, query string) {
		t.Helper()
		c, err := s.open(fmt.Sprintf("/ws/chat/%s/?token=%s%s", persist.FleetTrip(i%trips), sign(t, persist.FleetUser(i), time.Hour), query), nil)
		if err != nil {
			t.Fatal(err)
		}
		if code := c.closeCode(); code != 1013 {
			t.Errorf("closed with %d", code)
		}
	}

	limit.Add(most)
	refused(6, "")
	refused(6, "&since=0")
	bob.send(said)
	if code := bob.closeCode(); code != 1013 {
		t.Errorf("who repeats a message is closed with %d", code)
	}
	ada.send(`{"type":"chat_message","content":"still here"}`)
	if f := ada.next(); f.Seq != 2 {
		t.Errorf("%+v", f)
	}
	limit.Add(-most)
	s.join(6, "")
	s.join(6, "&since=0")

	limit.AddTo(persist.FleetUser(6), most/8)
	refused(6, "")
	refused(6, "&since=0")
	s.join(9, "&since=0")
}

// slowWalks is a store whose walks wait.
type slowWalks struct {
	room.Store
	under, goOn chan struct{}
}

func (s slowWalks) Walk(ctx context.Context, q room.WalkQuery) (room.Walk, error) {
	s.under <- struct{}{}
	<-s.goOn
	return s.Store.Walk(ctx, q)
}

// Whatever way a client takes in and out, nothing stays counted.
func TestNothingStaysCountedAsUnsent(t *testing.T) {
	t.Parallel()
	limit := unsent.New(64 << 10)
	under, goOn := make(chan struct{}, 100), make(chan struct{})
	s := serveOn(t, socket.Config{Unsent: limit}, func(store room.Store) room.Store { return slowWalks{store, under, goOn} })
	ada, _ := s.join(0, "") // its history is read
	for i := range 3 {
		ada.send(fmt.Sprintf(`{"type":"chat_message","content":"hello","client_id":"%d"}`, i))
		ada.next()
	}
	ada.send(`{"type":"chat_message","content":"hello","client_id":"1"}`)
	if f := ada.next(); !f.Duplicate {
		t.Errorf("%+v", f)
	}
	for range 5 {
		s.join(3, "") // from memory
	}
	path := fmt.Sprintf("/ws/chat/%s/?token=%s&since=0", persist.FleetTrip(0), sign(t, persist.FleetUser(6), time.Hour))
	leaving, err := s.open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-under
	_ = leaving.conn.Close() // before its history is read
	await.Until(t, "the client is gone", func() bool { return s.net.Stats().Open == 6 })
	close(goOn)
	for since := range 3 {
		s.join(6, fmt.Sprintf("&since=%d", since))
	}
	await.Until(t, "nothing is unsent", func() bool { return limit.Stats().BytesNow == 0 })
	for i := range users {
		if !limit.OpenTo(persist.FleetUser(i)) {
			t.Errorf("user %d has something unsent", i)
		}
	}
}
