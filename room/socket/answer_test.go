package socket_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room/socket"
	"github.com/caravan-chat/caravan/room/unsent"
)

// keepTurn takes the user's turn at what is made of memory, until the function that it
// returns is called.
func (s *server) keepTurn(user int) (release func()) {
	s.t.Helper()
	begun, over := make(chan struct{}), make(chan struct{})
	if err := s.svc.InTurn(persist.FleetUser(user), func() {
		close(begun)
		<-over
	}); err != nil {
		s.t.Fatal(err)
	}
	await.Done(s.t, "the user's turn", begun)
	return func() { close(over) }
}

// What a resend is answered with is not made on the loop, but when it is the user's turn:
// meanwhile the same connection, and other users' resends, are answered.
func TestResendsAreAnsweredOffTheLoop(t *testing.T) {
	t.Parallel()
	const resends = 20
	s := serve(t, socket.Config{})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	for i := range resends {
		ada.send(fmt.Sprintf(`{"type":"chat_message","client_id":"c%d","content":"%s"}`, i, strings.Repeat(`\u0001`, 1_000)))
		ada.next()
		bob.next()
	}
	release := s.keepTurn(0)
	for i := range resends {
		ada.send(fmt.Sprintf(`{"type":"chat_message","client_id":"c%d","content":"x"}`, i))
	}
	await.Until(t, "the resends are known", func() bool { return s.svc.Stats().Duplicates == resends })
	ada.send(`{"type":"ping"}`)
	if f := ada.next(); f.Type != "pong" {
		t.Errorf("before the user's turn came %+v", f)
	}
	bob.send(`{"type":"chat_message","client_id":"b","content":"x"}`)
	bob.next()
	bob.send(`{"type":"chat_message","client_id":"b","content":"x"}`)
	if f := bob.next(); !f.Duplicate {
		t.Errorf("another user's resend: %+v", f)
	}
	ada.next() // bob's message
	release()
	for i := range resends {
		if f := ada.next(); !f.Duplicate || f.Message.ClientID != fmt.Sprintf("c%d", i) {
			t.Errorf("resend %d is answered with %+v", i, f)
		}
	}
}

// A client that has left is not answered, and what was made for it counts no more.
func TestAResendOfWhoHasLeftIsDropped(t *testing.T) {
	t.Parallel()
	limit := unsent.New(1 << 30)
	s := serve(t, socket.Config{Unsent: limit})
	ada, _ := s.join(0, "")
	ada.send(`{"type":"chat_message","client_id":"c","content":"x"}`)
	ada.next()
	release := s.keepTurn(0)
	ada.send(`{"type":"chat_message","client_id":"c","content":"x"}`)
	await.Until(t, "the resend is known", func() bool { return s.svc.Stats().Duplicates == 1 })
	_ = ada.conn.Close()
	await.Until(t, "the connection is gone", func() bool { return s.svc.Stats().RoomsNow == 0 })
	release()
	done := s.keepTurn(0) // the answer was made
	done()
	await.Until(t, "nothing counts", func() bool { return limit.Stats().BytesNow == 0 })
}

// Who resends more than may wait is turned away: the messages are stored, so an error would
// be no truth.
func TestMoreResendsThanMayWaitEndTheConnection(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	ada, _ := s.join(0, "")
	ada.send(`{"type":"chat_message","client_id":"c","content":"x"}`)
	ada.next()
	release := s.keepTurn(0)
	defer release()
	for range 1_100 {
		ada.send(`{"type":"chat_message","client_id":"c","content":"x"}`)
	}
	if code := ada.closeCode(); code != 1013 {
		t.Errorf("closed with %d", code)
	}
}

// A large history of memory that has to be made anew is not made on the loop. A small one
// is: it is no more work than another frame.
func TestLargeHistoriesAreMadeOffTheLoop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		messages int
		large    bool
	}{{"small", 2, false}, {"large", 12, true}} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, socket.Config{})
			ada, _ := s.join(0, "")
			s.join(3, "") // the room's messages are in memory from now on
			for range c.messages {
				ada.send(`{"type":"chat_message","content":"` + strings.Repeat(`\u0001`, 1_000) + `"}`)
				ada.next() // an event: the history is to be made anew
			}
			release := s.keepTurn(0)
			var released atomic.Bool
			came := make(chan bool)
			again, err := s.open(fmt.Sprintf("/ws/chat/%s/?token=%s", persist.FleetTrip(0), sign(t, persist.FleetUser(0), time.Hour)), nil)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				past, err := again.read()
				if err != nil || len(past.Messages) != c.messages {
					t.Errorf("%d messages, %v", len(past.Messages), err)
				}
				came <- released.Load()
			}()
			if !c.large {
				<-came
				release()
				return
			}
			await.Until(t, "it waits for its turn", func() bool { return s.svc.Stats().MakingWaitingNow == 1 })
			s.join(6, "") // others do not wait
			released.Store(true)
			release()
			if !<-came {
				t.Error("a large history came before the user's turn")
			}
		})
	}
}
