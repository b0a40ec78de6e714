package socket_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
)

// TestLeftNamesTheRoomAsItWasAsked where its history did not come: by each name once.
func TestLeftNamesTheRoomAsItWasAsked(t *testing.T) {
	t.Parallel()
	s, b, let := serveBusy(t, socket.Config{RecheckEvery: 50 * time.Millisecond})
	s.admit(0, 1, 2)
	zero, one, two := s.roomOfTrip(0, 0), s.roomOfTrip(0, 1), s.roomOfTrip(0, 2)
	trip, upper := persist.FleetTrip(1).String(), strings.ToUpper(one)
	ada := s.openUser(0)
	ada.subscribe(two)
	ada.hearHistory(two)
	ada.subscribe(resumed(zero), trip, upper, trip)
	ada.subscribe(persist.FleetTrip(2).String())
	await.Until(t, "the first history is being read", func() bool { return b.looks.Load() > 0 })
	s.exec("DELETE FROM collaborators WHERE user_id = ? AND trip_id = ?", persist.FleetUser(0).String(), trip)
	ada.hearLeft(trip, 4003)
	ada.hearLeft(upper, 4003)
	s.exec("DELETE FROM collaborators WHERE user_id = ? AND trip_id = ?", persist.FleetUser(0).String(), persist.FleetTrip(2).String())
	ada.hearLeft(two, 4003) // which it has heard
	ada.hearLeft(persist.FleetTrip(2).String(), 4003)
	s.exec("DELETE FROM collaborators WHERE user_id = ? AND trip_id = ?", persist.FleetUser(0).String(), persist.FleetTrip(0).String())
	ada.hearLeft(zero, 4003)
	let()
	ada.quiet()
}

// unreadable is a store that cannot read histories, nor marks.
type unreadable struct{ room.Store }

var errUnreadable = errors.New("not now")

func (unreadable) Latest(context.Context, []uuid.UUID, room.Limit) ([]room.Page, error) {
	return nil, errUnreadable
}

func (unreadable) MarksOfFew(context.Context, uuid.UUID, int) ([]protocol.ReadMark, bool, error) {
	return nil, false, errUnreadable
}

// TestWhatCannotBeReadIsToldByTheNameOfTheRequest: a history by the name of its room, and who
// has read how far by the client_id.
func TestWhatCannotBeReadIsToldByTheNameOfTheRequest(t *testing.T) {
	t.Parallel()
	s := serveOn(t, socket.Config{}, func(s room.Store) room.Store { return unreadable{s} })
	in, trip := s.roomOfTrip(0, 0), persist.FleetTrip(0).String()
	ada := s.openUser(0)
	ada.subscribe(trip)
	ada.hearLeft(trip, 1011)
	ada.subscribe(resumed(in))
	ada.hearHistory(in)
	ada.send(`{"type":"watch","chat_room_id":"` + trip + `","reads":true,"client_id":"w"}`)
	ada.mustAck(in, "w")
	ada.mustRead(`{"type":"error","chat_room_id":"` + in + `","message":"Who has read how far could not be read; please try again","code":"unavailable","client_id":"w"}`)
}

// TestAWatchBehindASubscriptionIsAnsweredBehindItsHistory: and not at all where the client has
// changed its mind, or left.
func TestAWatchBehindASubscriptionIsAnsweredBehindItsHistory(t *testing.T) {
	t.Parallel()
	s, b, let := serveBusy(t, socket.Config{RecheckEvery: time.Hour})
	s.admit(0, 1, 2)
	ids := []string{s.roomOfTrip(0, 0), s.roomOfTrip(0, 1), s.roomOfTrip(0, 2)}
	ada := s.openUser(0)
	ada.subscribe(resumed(ids[0]), ids[1], ids[2])
	await.Until(t, "the first history is being read", func() bool { return b.looks.Load() > 0 })
	for _, in := range ids {
		ada.send(`{"type":"watch","chat_room_id":"` + in + `","reads":true,"client_id":"w"}`)
		ada.mustAck(in, "w")
	}
	ada.send(`{"type":"watch","chat_room_id":"` + ids[1] + `","client_id":"n"}`)
	ada.mustAck(ids[1], "n")
	ada.send(`{"type":"unsubscribe","rooms":["` + ids[2] + `"],"client_id":"u"}`)
	ada.mustRead(`{"type":"ack","client_id":"u"}`)
	ada.quiet()
	let()
	ada.hearHistory(ids[0])
	seen := map[string]int{}
	for range 3 { // the next history, and what is watched of the first room, in either order
		f := ada.next()
		seen[f.Type]++
	}
	if seen["reads"] != 1 || seen["message_history"] != 1 || seen["own"] != 1 {
		t.Errorf("then came %v", seen)
	}
	ada.quiet()
	if now := s.handler.Stats().WatchersNow; now != 1 {
		t.Errorf("%d watch", now)
	}
}
