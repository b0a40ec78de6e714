package socket_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room/socket"
)

// TestMembersComeAnewWhenTheStoreHasGoneBack: on each loop they are closed, and who
// resumes with the number of a lost event gets what has that number now.
func TestMembersComeAnewWhenTheStoreHasGoneBack(t *testing.T) {
	s := serve(t, socket.Config{})
	var members []*client
	for range 4 {
		c, _ := s.join(0, "")
		members = append(members, c)
	}
	for i := range 5 {
		members[0].send(fmt.Sprintf(`{"type":"chat_message","content":"told as %d"}`, i+1))
	}
	for _, c := range members {
		for seq := int64(1); seq <= 5; seq++ {
			if f := c.next(); f.Seq != seq {
				t.Fatalf("got %+v, want event %d", f, seq)
			}
		}
	}
	s.exec("DELETE FROM chat_messages WHERE seq > 2")
	s.exec("UPDATE chat_rooms SET last_seq = 2 WHERE last_seq = 5")

	// One comes back before anything is stored, one after.
	_, f := s.join(3, "&since=5")
	if f.Seq != 2 || *f.Since != 5 || len(f.Messages) != 0 || *f.HasMore {
		t.Errorf("who comes back with 5 gets %+v", f)
	}
	members[1].send(`{"type":"chat_message","content":"stored as 3","client_id":"again"}`)
	for _, c := range members {
		if code := c.closeCode(); code != 1012 {
			t.Errorf("closed with %d", code)
		}
	}
	back, f := s.join(0, "&since=5")
	if f.Seq != 3 || *f.Since != 0 || len(f.Messages) != 3 || f.Messages[2].Content != "stored as 3" {
		t.Errorf("who comes back with 5 gets %+v", f)
	}
	back.send(`{"type":"chat_message","content":"stored as 3","client_id":"again"}`)
	if f := back.next(); !f.Duplicate || f.Seq != 3 {
		t.Errorf("the sender, who was closed before the answer, gets %+v", f)
	}
	back.send(`{"type":"chat_message","content":"stored as 4"}`)
	if f := back.next(); f.Seq != 4 || f.Prev != nil {
		t.Errorf("then %+v", f)
	}
}

// TestMembersComeAnewWhenTheirRoomWasMadeAnew: a store that went back behind the
// making of a room gives its trip another one.
func TestMembersComeAnewWhenTheirRoomWasMadeAnew(t *testing.T) {
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
