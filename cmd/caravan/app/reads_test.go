package app_test

import (
	"fmt"
	"testing"

	"github.com/caravan-chat/caravan/persist"
)

type reading struct {
	ReadSeq  int64 `json:"read_seq"`
	Unread   int
	Mentions int
}

type readList struct {
	Results []struct {
		UserID    string `json:"user_id"`
		ReadSeq   int64  `json:"read_seq"`
		UpdatedAt string `json:"updated_at"`
	}
	Next *string
}

// TestReadMarksOverBothWays: what is read on a WebSocket is read over REST, and nobody is
// told anything but errors.
func TestReadMarksOverBothWays(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database)
		trip := persist.FleetTrip(0).String()
		first := s.post(0, trip, "x")
		for range 2 {
			s.post(0, trip, "x")
		}
		read := func(i int, seq int64) (r reading) {
			t.Helper()
			s.call(bearer(t, i), "POST", roomsPath+trip+"/read/", fmt.Sprintf(`{"seq":%d}`, seq)).into(t, 200, &r)
			return r
		}
		if got := read(2, 0); got != (reading{0, 3, 0}) {
			t.Errorf("before anything: %+v", got)
		}
		jonas, _ := s.join(2, 0)
		amina, _ := s.join(0, 0)
		for _, frame := range []string{`{"type":"mark_read","seq":2,"client_id":"c4"}`, `{"type":"mark_read","seq":1}`, `{"type":"mark_read","seq":0}`} {
			jonas.send(frame)
		}
		jonas.send(`{"type":"mark_read","seq":-1,"client_id":"c5"}`)
		if f := jonas.read(); f.Type != "error" || f.Code != "invalid_seq" {
			t.Errorf("the first answer is %+v", f)
		}
		jonas.send(`{"type":"mark_read","seq":"2"}`)
		if f := jonas.read(); f.Code != "invalid_field" {
			t.Errorf("got %+v", f)
		}
		jonas.send(`{"type":"chat_message","content":"after the marks"}`)
		for _, m := range []*member{jonas, amina} {
			if f := m.read(); f.Type != "chat_message" || f.Seq != 4 {
				t.Errorf("next comes %+v", f)
			}
		}
		if got := read(2, 1); got != (reading{2, 1, 0}) {
			t.Errorf("on the other way: %+v", got)
		}
		if got := read(2, 1000); got != (reading{4, 0, 0}) {
			t.Errorf("beyond the room's number: %+v", got)
		}
		if got := read(0, 3); got != (reading{3, 1, 0}) {
			t.Errorf("amina: %+v", got)
		}
		var list readList
		s.call(bearer(t, 0), "GET", roomsPath+trip+"/reads/", "").into(t, 200, &list)
		if len(list.Results) != 2 || list.Next != nil || list.Results[0].UserID >= list.Results[1].UserID {
			t.Fatalf("reads: %+v", list)
		}
		for _, r := range list.Results {
			want := map[string]int64{persist.FleetUser(0).String(): 3, persist.FleetUser(2).String(): 4}[r.UserID]
			if r.ReadSeq != want || r.UpdatedAt == "" {
				t.Errorf("%+v, want %d", r, want)
			}
		}
		var readers struct {
			Count   int
			Results []struct{ ID, Email string }
		}
		s.call(bearer(t, 2), "GET", messagesPath+first.ID+"/readers/", "").into(t, 200, &readers)
		if r := readers.Results; readers.Count != 1 || len(r) != 1 || r[0].ID != persist.FleetUser(2).String() || r[0].Email != "user2@example.com" {
			t.Errorf("who has read the first message: %+v", readers)
		}
		if got := s.call(bearer(t, 1), "GET", messagesPath+first.ID+"/readers/", ""); got.StatusCode != 404 {
			t.Errorf("a stranger got %+v", got)
		}
		if got := s.call(bearer(t, 1), "POST", roomsPath+trip+"/read/", `{"seq":1}`); got.StatusCode != 404 {
			t.Errorf("a stranger got %+v", got)
		}
		if got := s.call(bearer(t, 1), "GET", roomsPath+trip+"/reads/", ""); got.StatusCode != 404 {
			t.Errorf("a stranger got %+v", got)
		}
	})
}
