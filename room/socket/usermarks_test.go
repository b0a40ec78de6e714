package socket_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/room/socket"
)

// TestMarksOnAUserSocket: a room of many is marked and watched by its name, and what is told of
// it is as on a room's own socket.
func TestMarksOnAUserSocket(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	s.admit(0, 1)
	one, other := s.roomOfTrip(0, 0), s.roomOfTrip(0, 1)
	phone, bob, tablet := s.join2(0), s.join2(3), s.openUser(0)
	tablet.subscribe(one, other)
	tablet.hearHistory(one)
	tablet.hearHistory(other)
	bob.send(`{"type":"chat_message","content":"x"}`)
	hears(1, bob, phone, tablet)

	phone.send(`{"type":"mark_read","seq":1}`)
	tablet.mustRead(fmt.Sprintf(`{"type":"own","chat_room_id":"%s","read_seq":1}`, one))
	tablet.send(`{"type":"chat_message","chat_room_id":"` + other + `","content":"y"}`)
	hears(1, tablet)
	tablet.send(`{"type":"mark_read","chat_room_id":"` + other + `","seq":1,"client_id":"m"}`)
	tablet.mustAck(other, "m")
	tablet.send(`{"type":"watch","reads":true,"client_id":"w"}`)
	if f := tablet.next(); f.Type != "error" || f.ClientID != "w" {
		t.Errorf("to watch no room: %+v", f)
	}
	tablet.send(`{"type":"watch","chat_room_id":"` + one + `","reads":true,"client_id":"w"}`)
	tablet.mustAck(one, "w")
	if text := tablet.text(); !strings.HasPrefix(text, `{"type":"reads","chat_room_id":"`+one+`","reads":[{`) {
		t.Errorf("got %s", text)
	}
	bob.send(`{"type":"mark_read","seq":1}`)
	if text := tablet.text(); !strings.HasPrefix(text, `{"type":"reads","chat_room_id":"`+one+`","reads":[{`) || !strings.Contains(text, `"seq":1}`) {
		t.Errorf("got %s", text)
	}
	tablet.send(`{"type":"unsubscribe","rooms":["` + one + `"]}`)
	await.Until(t, "nobody watches", func() bool { return s.handler.Stats().WatchersNow == 0 })
	phone.quiet()
}
