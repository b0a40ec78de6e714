package app_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/persist"
)

// TestLongMessagesComePageByPage: fifty messages as long as may be, in CJK characters
// or such as take six bytes each on the wire, some edited. No frame and no answer is
// larger than the limit, and a client that goes on gets each message once.
func TestLongMessagesComePageByPage(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		const limit = 256 << 10 // the default
		s := start(t, database, "--rate", "0")
		trip := persist.FleetTrip(0).String()
		var ids []string
		for i := range 50 {
			content, err := json.Marshal(strings.Repeat([]string{"界", "\u0001"}[i/40], 10_000))
			if err != nil {
				t.Fatal(err)
			}
			var m message
			s.call(bearer(t, 0), "POST", "/api/v1/chat/messages/", fmt.Sprintf(`{"chat_room":%q,"content":%s}`, trip, content)).into(t, 201, &m)
			ids = append(ids, m.ID)
		}
		for _, i := range []int{3, 44} {
			s.call(bearer(t, 0), "PATCH", "/api/v1/chat/messages/"+ids[i]+"/", `{"content":"short"}`).into(t, 200, new(message))
		}

		seen := map[string]bool{}
		take := func(answer []byte, messages []message) {
			t.Helper()
			if len(messages) == 0 || len(answer) > limit {
				t.Fatalf("%d messages in %d bytes", len(messages), len(answer))
			}
			for _, m := range messages {
				if seen[m.ID] {
					t.Errorf("%s comes again", m.ID)
				}
				seen[m.ID] = true
			}
		}
		all := func(name string) {
			t.Helper()
			if len(seen) != len(ids) {
				t.Errorf("%s: %d messages", name, len(seen))
			}
			clear(seen)
		}
		pages := func(path string) {
			t.Helper()
			for path != "" {
				a := s.call(bearer(t, 0), "GET", path, "")
				var p stretch
				a.into(t, 200, &p)
				take(a.body, p.Results)
				switch {
				case p.HasMore:
					path = fmt.Sprintf("/api/v1/chat/rooms/%s/messages/?limit=200&since=%d", trip, p.Seq)
				case strings.Contains(path, "after="):
					path = p.Next
				default:
					path = p.Previous
				}
			}
		}
		first, p := s.first(t, "")
		take(first, p.Messages)
		pages(fmt.Sprintf("/api/v1/chat/rooms/%s/messages/?limit=200&before=%d", trip, p.Messages[0].Seq))
		all("the history, and what is older")
		pages("/api/v1/chat/rooms/" + trip + "/messages/?limit=200")
		all("pages from the newest")
		pages("/api/v1/chat/rooms/" + trip + "/messages/?limit=200&after=0")
		all("pages from the oldest")
		first, p = s.first(t, "&since=0")
		take(first, p.Messages)
		if !p.HasMore {
			t.Fatal("that is not all")
		}
		pages(fmt.Sprintf("/api/v1/chat/rooms/%s/messages/?limit=200&since=%d", trip, p.Seq))
		all("what changed since the beginning")
		pages("/api/v1/chat/rooms/" + trip + "/messages/?limit=200&since=0&wait=60s")
		all("a long poll, and what is more")

		more := &persist.Seeds{}
		for i := range 8 {
			more.Trips = append(more.Trips, persist.Trip{ID: persist.FleetTrip(100 + i), Title: strings.Repeat("\u0001", 100)})
			more.Collaborators = append(more.Collaborators, persist.Collaborator{Trip: persist.FleetTrip(100 + i), User: persist.FleetUser(0), Role: "member"})
		}
		s.seed(more)
		long, err := json.Marshal("." + strings.Repeat("\u0001", 9_998) + ".")
		if err != nil {
			t.Fatal(err)
		}
		for i := range more.Trips {
			s.call(bearer(t, 0), "POST", "/api/v1/chat/messages/", fmt.Sprintf(`{"chat_room":%q,"content":%s}`, more.Trips[i].ID, long)).into(t, 201, new(message))
		}
		rooms := 0
		for path := "/api/v1/chat/rooms/?limit=200"; path != ""; {
			a := s.call(bearer(t, 0), "GET", path, "")
			var p struct {
				Results []struct{ ID string }
				Next    string
			}
			a.into(t, 200, &p)
			if len(p.Results) == 0 || len(a.body) > limit {
				t.Fatalf("%d rooms in %d bytes", len(p.Results), len(a.body))
			}
			rooms += len(p.Results)
			path = p.Next
		}
		if rooms != 9 {
			t.Errorf("%d rooms", rooms)
		}
	})
}

// stretch is an answer with several messages.
type stretch struct {
	Messages, Results []message
	Next, Previous    string
	Seq               int64
	HasMore           bool `json:"has_more"`
}

// first connects user 0 to trip 0 and returns the first frame.
func (s *server) first(t *testing.T, query string) (text []byte, p stretch) {
	t.Helper()
	conn, early, _, err := ws.Dial(t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/ws/chat/"+persist.FleetTrip(0).String()+"/?token="+bearer(t, 0)+query)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if early != nil {
		conn = earlyConn{conn, early}
	}
	_, text, err = readFrame(conn)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text, p
}
