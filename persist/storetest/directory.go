package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// testDirectory adds, lists and removes users, trips and members, and looks who may enter.
func testDirectory(t *testing.T, open Open) {
	w := newWorld(t, open, 0, 0)
	d := persist.NewDirectory(w.store)
	amina := protocol.User{ID: uuid.New(), Email: "Amina@example.com", Username: "amina", FirstName: "Amina", LastName: "Diallo"}
	jonas := protocol.User{ID: uuid.New(), Email: "jonas@example.com", Username: "jonas"}
	trip := persist.Trip{ID: uuid.New(), Title: "Lisbon"}
	empty := persist.Trip{ID: uuid.New(), Title: "Alps"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	role := func(u protocol.User) string {
		t.Helper()
		answers, err := w.store.Access(w.ctx(), []room.AccessQuestion{{User: u.ID, Place: trip.ID, TripOnly: true}})
		must(err)
		if !answers[0].Allowed {
			return "none"
		}
		return answers[0].Role
	}
	members := func() (list []persist.Member) {
		t.Helper()
		must(d.Members(w.ctx(), trip.ID, func(m persist.Member) error {
			list = append(list, m)
			return nil
		}))
		return list
	}

	must(d.AddUser(w.ctx(), &amina))
	must(d.AddUser(w.ctx(), &jonas))
	refused(d.AddUser(w.ctx(), &protocol.User{ID: amina.ID, Email: "other@example.com"}), persist.ErrUserExists)
	refused(d.AddUser(w.ctx(), &protocol.User{ID: uuid.New(), Email: "amina@EXAMPLE.com"}), persist.ErrUserExists)
	refused(d.AddTrip(w.ctx(), trip, uuid.New()), persist.ErrNoUser) // and then there is no trip either
	must(d.AddTrip(w.ctx(), trip, amina.ID))
	must(d.AddTrip(w.ctx(), empty, uuid.Nil))
	refused(d.AddTrip(w.ctx(), trip, amina.ID), persist.ErrTripExists)
	if a, b := role(amina), role(jonas); a != "owner" || b != "none" {
		t.Errorf("the owner is %s, the other one %s", a, b)
	}
	must(d.SetMember(w.ctx(), persist.Collaborator{Trip: trip.ID, User: jonas.ID, Role: "viewer"}))
	must(d.SetMember(w.ctx(), persist.Collaborator{Trip: trip.ID, User: jonas.ID, Role: "member"}))
	refused(d.SetMember(w.ctx(), persist.Collaborator{Trip: trip.ID, User: uuid.New(), Role: "member"}), persist.ErrNoUser)
	refused(d.SetMember(w.ctx(), persist.Collaborator{Trip: uuid.New(), User: jonas.ID, Role: "member"}), persist.ErrNoTrip)
	refused(d.Members(w.ctx(), uuid.New(), nil), persist.ErrNoTrip)
	both := []persist.Member{{User: amina.ID, Email: amina.Email, Role: "owner"}, {User: jonas.ID, Email: jonas.Email, Role: "member"}}
	if got := members(); len(got) != 2 || !slices.Contains(got, both[0]) || !slices.Contains(got, both[1]) {
		t.Errorf("members %+v", got)
	}
	var users []protocol.User
	must(d.Users(w.ctx(), func(u *protocol.User) error {
		users = append(users, *u)
		return nil
	}))
	if len(users) != 2 || !slices.Contains(users, amina) || !slices.Contains(users, jonas) {
		t.Errorf("users %+v", users)
	}
	var trips []persist.Trip
	must(d.Trips(w.ctx(), func(t persist.Trip) error {
		trips = append(trips, t)
		return nil
	}))
	if !slices.Equal(trips, []persist.Trip{empty, trip}) {
		t.Errorf("trips %+v", trips)
	}

	must(d.RemoveMember(w.ctx(), trip.ID, jonas.ID))
	refused(d.RemoveMember(w.ctx(), trip.ID, jonas.ID), persist.ErrNoMember)
	must(d.RemoveUser(w.ctx(), amina.ID))
	refused(d.RemoveUser(w.ctx(), amina.ID), persist.ErrNoUser)
	if got := members(); len(got) != 0 {
		t.Errorf("members of removed users: %+v", got)
	}
	must(d.SetMember(w.ctx(), persist.Collaborator{Trip: trip.ID, User: jonas.ID, Role: "member"}))
	must(d.RemoveTrip(w.ctx(), trip.ID))
	refused(d.RemoveTrip(w.ctx(), trip.ID), persist.ErrNoTrip)
	refused(d.Members(w.ctx(), trip.ID, nil), persist.ErrNoTrip)
	if got := role(jonas); got != "none" {
		t.Errorf("of a removed trip: %s", got)
	}
}
