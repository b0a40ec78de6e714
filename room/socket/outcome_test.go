package socket_test

import (
	"context"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
)

// aboutNothing is a store whose ops are about no message. One with a client_id is
// known already.
type aboutNothing struct{ room.Store }

func (aboutNothing) Append(_ context.Context, batch []*room.Op, _ room.Within) error {
	for _, op := range batch {
		if op.Outcome = room.Stored; op.ClientID != "" {
			op.Outcome = room.Duplicate
		}
	}
	return nil
}

func TestAnOpNeedNotBeAboutAMessage(t *testing.T) {
	t.Parallel()
	s := serveOn(t, socket.Config{}, func(s room.Store) room.Store { return aboutNothing{s} })
	ada, _ := s.join(0, "")
	ada.send(`{"type":"chat_message","content":"x"}`)
	ada.send(`{"type":"chat_message","content":"x","client_id":"a"}`)
	await.Until(t, "both are stored", func() bool { return s.svc.Stats().Messages+s.svc.Stats().Duplicates == 2 })
	if err := s.svc.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	ada.send(`{"type":"ping"}`)
	if f := ada.next(); f.Type != "pong" || s.net.Stats().Panics != 0 || s.svc.Stats().Panics != 0 {
		t.Errorf("got %+v, %d and %d panics", f, s.net.Stats().Panics, s.svc.Stats().Panics)
	}
}
