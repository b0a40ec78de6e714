package persist

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/caravan-chat/caravan/protocol"
)

func TestFleetIsWhatItWasYesterday(t *testing.T) {
	s := Fleet(5, 3)
	if len(s.Users) != 5 || len(s.Trips) != 3 || len(s.Collaborators) != 5 {
		t.Fatalf("%d users, %d trips, %d collaborators", len(s.Users), len(s.Trips), len(s.Collaborators))
	}
	u := s.Users[4]
	if u.ID != FleetUser(4) || u.Email != "user4@example.com" || u.Username != "user4" || u.FullName() != "User 4" {
		t.Errorf("user 4: %+v", u)
	}
	if trip := s.Trips[2]; trip.ID != FleetTrip(2) || trip.Title != "Trip 2" {
		t.Errorf("trip 2: %+v", trip)
	}
	if c := s.Collaborators[4]; c.User != FleetUser(4) || c.Trip != FleetTrip(1) {
		t.Errorf("collaborator 4: %+v", c)
	}
	// Load generators on other machines compute the same ids.
	if got := FleetUser(0).String(); got != "266316b5-abb3-58e5-bb58-599144c494da" {
		t.Errorf("user 0 has id %s", got)
	}
	if got := FleetTrip(0).String(); got != "4237bcc4-f791-54d6-8379-f5d6775d4df8" {
		t.Errorf("trip 0 has id %s", got)
	}
	if s := Fleet(2, 0); len(s.Collaborators) != 0 {
		t.Error("collaborators without trips")
	}
}

func TestExcerptIsTheFirstHundredCodePoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := strings.Repeat(rapid.String().Draw(t, "part"), rapid.IntRange(0, 12).Draw(t, "times"))
		runes := []rune(content)
		want := string(runes[:min(len(runes), protocol.ReplyRunesMax)])
		if got := Excerpt(content); got != want || utf8.RuneCountInString(got) > protocol.ReplyRunesMax {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}
