package app_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
)

// presenceFrame is who is in a room.
type presenceFrame struct {
	Type                string
	Online              int
	Full, Partial       bool
	Users, Joined, Left []string
}

// observer is a member who watches, and knows who is there by what it is told.
type observer struct {
	*member
	here   map[string]bool
	whole  bool
	frames int
}

func (s *server) observe(i, j int) *observer {
	s.t.Helper()
	o := &observer{member: s.joinAs2(i, j)}
	o.send(`{"type":"watch","presence":true}`)
	o.learn()
	return o
}

// learn takes a frame of presence.
func (o *observer) learn() presenceFrame {
	o.t.Helper()
	var f presenceFrame
	text := o.text()
	if err := json.Unmarshal([]byte(text), &f); err != nil || f.Type != "presence" {
		o.t.Fatalf("got %s, %v", text, err)
	}
	o.frames++
	if f.Full {
		o.here = make(map[string]bool)
	}
	for _, u := range append(f.Users, f.Joined...) {
		if o.here[u] {
			o.t.Errorf("%s is there twice: %s", u, text)
		}
		o.here[u] = true
	}
	for _, u := range f.Left {
		if !o.here[u] {
			o.t.Errorf("%s was not there: %s", u, text)
		}
		delete(o.here, u)
	}
	if len(o.here) != f.Online {
		o.t.Errorf("%d are known after %s", len(o.here), text)
	}
	o.whole = !f.Partial
	return f
}

// until takes frames until these users are there.
func (o *observer) until(users ...int) {
	o.t.Helper()
	want := make(map[string]bool)
	for _, u := range users {
		want[persist.FleetUser(u).String()] = true
	}
	for !maps.Equal(o.here, want) {
		o.learn()
	}
}

// membersOf is an answer about who may be in a room.
type membersOf struct {
	Online  int
	Results []struct {
		User     struct{ ID string }
		Role     string
		Online   bool
		LastSeen *time.Time `json:"last_seen"`
	}
	Next *string
}

// TestWhoIsThereAndWhoWasThere: over a WebSocket and over REST, on both stores.
func TestWhoIsThereAndWhoWasThere(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database, "--presence-grace", "100ms")
		trip := persist.FleetTrip(0).String()
		members := func() (m membersOf) {
			t.Helper()
			s.call(bearer(t, 0), "GET", roomsPath+trip+"/members/", "").into(t, 200, &m)
			return m
		}
		if m := members(); m.Online != 0 || len(m.Results) != 3 || m.Results[0].LastSeen != nil || m.Results[0].Role == "" {
			t.Errorf("before anybody came: %+v", m)
		}
		amina := s.observe(0, 0)
		amina.until(0)
		jonas, _ := s.join(2, 0)
		amina.until(0, 2)
		var rooms struct {
			Results []struct {
				TripID string `json:"trip_id"`
				Online *int
			}
		}
		s.call(bearer(t, 0), "GET", roomsPath, "").into(t, 200, &rooms)
		if len(rooms.Results) != 1 || rooms.Results[0].Online == nil || *rooms.Results[0].Online != 2 {
			t.Errorf("the list of rooms: %+v", rooms)
		}
		begun := time.Now().Add(-time.Second)
		_ = jonas.conn.Close()
		amina.until(0)
		await.Until(t, "it is stored when the user left", func() bool {
			m := members()
			for _, is := range m.Results {
				if is.User.ID == persist.FleetUser(2).String() {
					return !is.Online && m.Online == 1 && is.LastSeen != nil && is.LastSeen.After(begun)
				}
			}
			return false
		})
		for _, is := range members().Results {
			if is.Online != (is.User.ID == persist.FleetUser(0).String()) {
				t.Errorf("%+v", is)
			}
		}
		metrics := string(s.admin("/metrics").body)
		for _, line := range []string{"caravan_presence_watchers 1\n", "caravan_presence_rooms 1\n", "caravan_presence_partial 0\n", "caravan_presence_frames_total "} {
			if !strings.Contains(metrics, line) {
				t.Errorf("no %q in the metrics", line)
			}
		}
	})
}

// TestLastSeenCanBeSwitchedOff: then it is neither stored nor told.
func TestLastSeenCanBeSwitchedOff(t *testing.T) {
	database := sqliteFile(t)
	seen := func(flags ...string) bool {
		s := start(t, database, flags...)
		var m membersOf
		s.call(bearer(t, 0), "GET", roomsPath+persist.FleetTrip(0).String()+"/members/", "").into(t, 200, &m)
		s.join(0, 0)
		s.shutDown()
		return m.Results[0].LastSeen != nil || m.Results[1].LastSeen != nil || m.Results[2].LastSeen != nil
	}
	for i, x := range []struct {
		flag string
		want bool
	}{
		{"--last-seen=false", false}, {"--last-seen", false}, {"--last-seen=false", false}, {"--last-seen", true},
	} {
		if got := seen(x.flag); got != x.want {
			t.Errorf("start %d, %s: told %t", i, x.flag, got)
		}
	}
}
