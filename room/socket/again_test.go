package socket_test

import (
	"testing"

	"github.com/caravan-chat/caravan/room/socket"
)

// TestWhatIsSoAlreadyIsAnsweredToWhoAsksAlone: an edit, a pin and a delete that are sent again
// take no number, and the room hears nothing. Who has no ack gets the message as it is.
func TestWhatIsSoAlreadyIsAnsweredToWhoAsksAlone(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	one, _ := s.join(0, "")
	two, _ := s.join(0, "&v=2")
	bob, _ := s.join(3, "")
	two.text() // own
	all := []*client{one, two, bob}
	one.send(`{"type":"chat_message","content":"first"}`)
	id := ""
	for _, c := range all {
		id = c.next().Message.ID
	}
	about := `"message_id":"` + id + `"`
	for i, ask := range []string{
		`{"type":"edit_message",` + about + `,"content":" second "`,
		`{"type":"pin_message",` + about + `,"on":true`,
		`{"type":"delete_message",` + about,
	} {
		seq := int64(i + 2)
		one.send(ask + `}`)
		for _, c := range all {
			if f := c.next(); f.Seq != seq || f.Duplicate {
				t.Fatalf("%s: %+v, want number %d", ask, f, seq)
			}
		}
		for _, c := range []struct {
			by  *client
			end string
		}{{one, `}`}, {one, `,"client_id":"c"}`}, {two, `}`}} {
			c.by.send(ask + c.end)
			if f := c.by.next(); f.Type != "message_edited" || !f.Duplicate || f.Seq != seq || f.Message.Rev != seq || f.Message.ID != id {
				t.Errorf("%s%s: %+v", ask, c.end, f)
			}
		}
		two.send(ask + `,"client_id":"c"}`)
		two.mustRead(`{"type":"ack","chat_room_id":"` + s.roomOf(0) + `","client_id":"c"}`)
	}
	bob.send(`{"type":"chat_message","content":"last"}`)
	for _, c := range all {
		if f := c.next(); f.Type != "chat_message" || f.Seq != 5 {
			t.Errorf("then came %+v", f)
		}
	}
}
