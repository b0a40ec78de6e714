package backplane

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/redis/rueidis"

	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/room"
)

// broken is a client that panics at every call but Close.
type broken struct{ rueidis.Client }

func (broken) Close() {}

func TestPanicInAPartEndsItsSessionOnly(t *testing.T) {
	b, _, _ := receiver(t, Config{})
	if err := b.session(t.Context(), broken{}); err == nil || !strings.Contains(err.Error(), "panic") {
		t.Errorf("the session: %v", err)
	}
	if n := b.Stats().Panics; n < 2 { // the lease's, then the subscriber's
		t.Errorf("%d panics were counted", n)
	}
	p := b.slots[0].publisher
	ended := make(chan error)
	go func() {
		ended <- b.guard.Run("publisher", func() error { return p.run(context.Background(), broken{}) })
	}()
	until(t, "running", p.running.Load)
	b.Publish(sample())
	if err := <-ended; err == nil || p.running.Load() || p.busy.Load() {
		t.Errorf("the publisher: %v; running %v, busy %v", err, p.running.Load(), p.busy.Load())
	}
}

// faulty is an Inbound that panics as long as it is told to.
type faulty struct {
	inbox
	panics atomic.Bool
}

func (f *faulty) Announce(b *room.Batch) {
	if f.panics.Load() {
		panic("announce")
	}
	f.inbox.Announce(b)
}

func (f *faulty) CatchUp(roomID uuid.UUID) {
	if f.panics.Load() {
		panic("catch up")
	}
	f.inbox.CatchUp(roomID)
}

// TestPanicsAreContained has what is called by a Backplane's goroutines, and by those
// of its Redis client, panic. Notices flow again as soon as that ends.
func TestPanicsAreContained(t *testing.T) {
	t.Parallel()
	r := redisserver.Start(t)
	in := &faulty{inbox: inbox{caught: make(map[uuid.UUID]int)}}
	in.panics.Store(true)
	b, err := New(Config{URL: r.URL(), Secret: testSecret, Load: func() Load {
		if in.panics.Load() {
			panic("load")
		}
		return Load{}
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.Start(in)
	t.Cleanup(b.Close)
	other, _ := open(t, r.URL())
	until(t, "a panic of the lease", func() bool { return b.Stats().Panics > 0 })
	b.Follow(roomR)
	until(t, "panics of the subscription, again and again", func() bool { return b.Stats().Panics > 3 && b.Stats().Reconnects > 1 })
	in.panics.Store(false)
	until(t, "subscribed", func() bool { return in.times(roomR) > 0 })
	in.panics.Store(true)
	before := b.Stats().Panics
	other.Publish(sample())
	until(t, "a panic of a message", func() bool { return b.Stats().Panics > before })
	in.panics.Store(false)
	until(t, "told", func() bool {
		other.Publish(sample())
		in.mu.Lock()
		defer in.mu.Unlock()
		return len(in.batches) > 0
	})
	until(t, "healthy", b.Healthy)
}
