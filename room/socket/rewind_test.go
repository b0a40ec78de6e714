package socket_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/gobwas/ws/wsutil"
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room/socket"
)

// TestMembersComeAnewWhenTheStoreHasGoneBack: on each loop they are told to forget what
// they have, and closed. Who resumes with a message that the store lost is told so, too.
func TestMembersComeAnewWhenTheStoreHasGoneBack(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	var members []*client
	for range 4 {
		c, _ := s.join(0, "")
		members = append(members, c)
	}
	for i := range 5 {
		members[0].send(fmt.Sprintf(`{"type":"chat_message","content":"told as %d"}`, i+1))
	}
	var lost, kept string
	for _, c := range members {
		for seq := int64(1); seq <= 5; seq++ {
			f := c.next()
			if f.Seq != seq {
				t.Fatalf("got %+v, want event %d", f, seq)
			}
			if lost = f.Message.ID; seq == 2 {
				kept = lost
			}
		}
	}
	s.exec("DELETE FROM chat_messages WHERE seq > 2")
	s.exec("UPDATE chat_rooms SET last_seq = 2 WHERE last_seq = 5")

	// One comes back before anything is stored, the others after.
	_, f := s.join(3, "&since=5&since_id="+lost)
	if f.Seq != 2 || *f.Since != 5 || len(f.Messages) != 0 || *f.HasMore {
		t.Errorf("who comes back with 5 gets %+v", f)
	}
	var four bytes.Buffer // in one write: once the first is stored the sender is closed
	for i := range 4 {
		if err := wsutil.WriteClientText(&four, fmt.Appendf(nil, `{"type":"chat_message","content":"stored as %d","client_id":"%d"}`, i+3, i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := four.WriteTo(members[1].conn); err != nil {
		t.Fatal(err)
	}
	for _, c := range members {
		if f := c.next(); f.Type != "message_history" || *f.Since != 0 || f.Seq != 0 || len(f.Messages) != 0 || !*f.HasMore {
			t.Errorf("told %+v", f)
		}
		if code := c.closeCode(); code != 1012 {
			t.Errorf("closed with %d", code)
		}
	}
	back, f := s.join(0, "&since=2&since_id="+kept)
	if *f.Since != 2 || len(f.Messages) == 0 || f.Messages[0].Content != "stored as 3" {
		t.Errorf("who has what the store has gets %+v", f)
	}
	back.send(`{"type":"chat_message","content":"stored as 3","client_id":"0"}`)
	for f = back.next(); f.Type == "chat_message" && !f.Duplicate; f = back.next() {
	}
	if !f.Duplicate || f.Seq != 3 {
		t.Errorf("the sender, who was closed before the answer, gets %+v", f)
	}
	if _, f := s.join(0, "&since=5&since_id="+lost); *f.Since != 0 || f.Seq != 0 || len(f.Messages) != 0 || !*f.HasMore {
		t.Errorf("who comes back with what was lost gets %+v", f)
	}
}

// TestMembersComeAnewWhenTheirRoomWasMadeAnew: a store that went back behind the
// making of a room gives its trip another one.
func TestMembersComeAnewWhenTheirRoomWasMadeAnew(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: 200 * time.Millisecond})
	c, _ := s.join(0, "")
	s.exec("UPDATE chat_rooms SET id = ? WHERE trip_id = ?", uuid.NewString(), persist.FleetTrip(0).String())
	if code := c.closeCode(); code != 1012 {
		t.Errorf("closed with %d", code)
	}
	c, _ = s.join(0, "")
	c.send(`{"type":"chat_message","content":"hello"}`)
	if f := c.next(); f.Seq != 1 {
		t.Errorf("got %+v", f)
	}
}
