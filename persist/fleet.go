package persist

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// Seeder writes the application's rows, for load tests and demos. Both stores
// are one.
type Seeder interface {
	// Seed writes the users, trips and collaborators that are not there yet and
	// leaves alone those that are. It is all or nothing.
	Seed(ctx context.Context, s *Seeds) error
}

// Seeds are rows of the application's own tables.
type Seeds struct {
	Users         []protocol.User
	Trips         []Trip
	Collaborators []Collaborator
}

// Trip is a row of trips.
type Trip struct {
	ID    uuid.UUID
	Title string
}

// Collaborator is a row of collaborators.
type Collaborator struct {
	Trip, User uuid.UUID
	Role       string
}

// FleetUser returns the id of user i of the fleet.
func FleetUser(i int) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("caravan:user:"+strconv.Itoa(i)))
}

// FleetTrip returns the id of trip j of the fleet.
func FleetTrip(j int) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("caravan:trip:"+strconv.Itoa(j)))
}

// Fleet returns the deterministic fleet of `caravan seed`: users and trips with
// fixed ids, user i a collaborator of trip i mod trips. Without trips nobody
// collaborates.
func Fleet(users, trips int) *Seeds {
	s := &Seeds{
		Users: make([]protocol.User, users),
		Trips: make([]Trip, trips),
	}
	for j := range s.Trips {
		s.Trips[j] = Trip{ID: FleetTrip(j), Title: fmt.Sprintf("Trip %d", j)}
	}
	if trips > 0 {
		s.Collaborators = make([]Collaborator, users)
	}
	for i := range s.Users {
		n := strconv.Itoa(i)
		s.Users[i] = protocol.User{
			ID: FleetUser(i), Email: "user" + n + "@example.com",
			Username: "user" + n, FirstName: "User", LastName: n,
		}
		if trips > 0 {
			s.Collaborators[i] = Collaborator{Trip: s.Trips[i%trips].ID, User: s.Users[i].ID, Role: "member"}
		}
	}
	return s
}
