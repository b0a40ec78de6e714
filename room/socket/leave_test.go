package socket_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
)

// busy is a store that reads what changed only when it is let.
type busy struct {
	room.Store
	let   chan struct{}
	looks atomic.Int64
}

func (b *busy) Walk(ctx context.Context, q room.WalkQuery) (room.Walk, error) {
	b.looks.Add(1)
	<-b.let
	return b.Store.Walk(ctx, q)
}

// A client that comes and goes again and again with another ?since= each time
// costs the store nothing once it has gone.
func TestHistoryIsNotReadForAClientThatHasLeft(t *testing.T) {
	t.Parallel()
	b := &busy{let: make(chan struct{})}
	s := serveOn(t, socket.Config{}, func(s room.Store) room.Store {
		b.Store = s
		return b
	})
	enter := func(user int, since string) *client {
		t.Helper()
		c, err := s.open("/ws/chat/"+persist.FleetTrip(user%trips).String()+"/?token="+sign(t, persist.FleetUser(user), time.Hour)+"&since="+since, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	eventually := func(what string, is func() bool) {
		t.Helper()
		for until := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
			if time.Now().After(until) {
				t.Fatal("waited in vain until " + what)
			}
		}
	}
	const readers = 4
	var all []*client
	for i := range readers {
		all = append(all, enter(i*trips, string(rune('0'+i)))) // a user each: one has not all turns
	}
	eventually("the store is busy", func() bool { return b.looks.Load() == readers })
	gone := enter(1, "7") // to a room of its own
	eventually("they have joined", func() bool { return s.svc.Stats().RoomsNow == 2 })
	_ = gone.conn.Close()
	eventually("they have left", func() bool { return s.svc.Stats().RoomsNow == 1 })
	all = append(all, enter(0, "9"))
	eventually("they have joined", func() bool { return s.svc.Stats().Entered == readers+2 })
	close(b.let)
	for _, c := range all {
		if f := c.next(); f.Type != "message_history" {
			t.Errorf("%+v", f)
		}
	}
	if n := b.looks.Load(); n != readers+1 {
		t.Errorf("%d looks into the store for %d who stayed", n, readers+1)
	}
}
