package rest_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/room"
)

// sendLate has a send wait until its time is over, and go on for a while then. It
// returns how often that happened.
func (c *chat) sendLate() (ended *atomic.Int32, under <-chan struct{}) {
	ended, begun := new(atomic.Int32), make(chan struct{}, 1)
	c.do = func(ctx context.Context, _ *room.Op) error {
		begun <- struct{}{}
		<-ctx.Done()
		time.Sleep(200 * time.Millisecond)
		ended.Add(1)
		return ctx.Err()
	}
	return ended, begun
}

func TestDrainAnswersWhatItCannotWaitFor(t *testing.T) {
	c := newChat(0)
	_, begun := c.sendLate()
	n := start(t, c)
	got := make(chan answer, 1)
	go func() {
		got <- n.ask(t, "POST", "/api/v1/chat/messages/", `{"chat_room":"`+c.place.ID.String()+`","content":"a"}`)
	}()
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := n.Drain(ctx); err != nil {
		t.Error(err)
	}
	if a := <-got; a.StatusCode != 503 || a.code() != "unknown_outcome" || !a.Close {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// Whoever closed the server may close the store after it.
func TestCloseWaitsForTheCallsUnderWay(t *testing.T) {
	c := newChat(0)
	ended, begun := c.sendLate()
	n := start(t, c)
	conn := n.poll(t, c, "60s")
	defer conn.Close()
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		_, _ = n.tryAsk(t, "POST", "/api/v1/chat/messages/", `{"chat_room":"`+c.place.ID.String()+`","content":"a"}`)
	}()
	<-begun
	await.Until(t, "the poll waits", func() bool { return n.Stats().LongPollsNow == 1 })
	n.Close()
	<-cut
	if ended.Load() != 1 || n.Stats().LongPollsNow != 0 {
		t.Errorf("%d sends of 1 had ended, %d polls were left", ended.Load(), n.Stats().LongPollsNow)
	}
}
