package socket_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room/socket"
)

// settle sets what user 0's room is set to, as whoever removes old messages does.
func (s *server) settle(firstSeq, slowMode int) {
	s.t.Helper()
	s.exec("UPDATE chat_rooms SET first_seq = ?, slow_mode = ? WHERE trip_id = ?", firstSeq, slowMode, persist.FleetTrip(0).String())
}

// TestAHistorySaysHowItsRoomIsSet: in all versions and both forms, where that is not the usual,
// and nothing that stands before the room's first number is in it, whatever is in memory.
func TestAHistorySaysHowItsRoomIsSet(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: time.Hour})
	ada, _ := s.join(0, "")
	for i := range 4 {
		ada.send(fmt.Sprintf(`{"type":"chat_message","content":"message %d"}`, i+1))
		ada.next()
	}
	path := "/ws/chat/" + persist.FleetTrip(0).String() + "/?token=" + sign(t, persist.FleetUser(3), time.Hour)
	for _, c := range []struct {
		first, slow int
		says        string
	}{
		{1, 0, ""}, {3, 0, `,"first_seq":3`}, {3, 10, `,"first_seq":3,"slow_mode":10`}, {4, 0, `,"first_seq":4`}, {1, 20, `,"slow_mode":20`},
	} {
		s.settle(c.first, c.slow)
		for _, query := range []string{"", "", "&v=2", "&since=0", "&v=2&since=1"} { // the second from memory
			bob, err := s.open(path+query, nil)
			if err != nil {
				t.Fatal(err)
			}
			text := bob.text()
			says := c.says + "}"
			if strings.Contains(query, "since") {
				says = c.says + `,"seq":4,"has_more":false}`
			}
			if !strings.HasSuffix(text, says) || strings.Contains(text, "first_seq") != (c.first > 1) || strings.Contains(text, "slow_mode") != (c.slow > 0) {
				t.Errorf("from %d, %d s, %q: %s", c.first, c.slow, query, text)
			}
			for i := range 4 {
				is := strings.Contains(text, fmt.Sprintf(`"content":"message %d"`, i+1))
				if want := i+1 >= c.first && (!strings.Contains(query, "since=1") || i > 0); is != want {
					t.Errorf("from %d, %q: message %d is there: %v", c.first, query, i+1, is)
				}
			}
			_ = bob.conn.Close()
		}
	}
}

// TestVersion2HearsHowItsRoomIsSet: each member once, when the rights are checked again, and
// those of version 1 not at all.
func TestVersion2HearsHowItsRoomIsSet(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: 50 * time.Millisecond})
	in := s.roomOf(0)
	one, _ := s.join(0, "")
	ada, _ := s.join(0, "&v=2")
	bob, _ := s.join(3, "&v=2&since=0")
	ada.text()
	bob.text()
	for _, x := range [][2]int{{1, 10}, {900, 10}, {901, 0}, {901, 3600}} {
		s.settle(x[0], x[1])
		want := fmt.Sprintf(`{"type":"room","chat_room_id":"%s","first_seq":%d,"slow_mode":%d}`, in, x[0], x[1])
		ada.mustRead(want)
		bob.mustRead(want)
	}
	late, _ := s.join(6, "&v=2") // has it from the history
	late.text()
	one.send(`{"type":"chat_message","content":"x"}`)
	for _, c := range []*client{one, ada, bob, late} {
		if f := c.next(); f.Type != "chat_message" {
			t.Errorf("then came %+v", f)
		}
	}
}
