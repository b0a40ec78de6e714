// Package fleet knows the users and trips that `caravan seed` writes, and says
// who takes which seat in a load test. It is pure and safe for concurrent use.
package fleet

import (
	"fmt"

	"github.com/google/uuid"
)

// User returns the id of user i of a seeded fleet.
func User(i int) uuid.UUID { return id("user", i) }

// Trip returns the id of trip j of a seeded fleet.
func Trip(j int) uuid.UUID { return id("trip", j) }

func id(kind string, n int) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "caravan:%s:%d", kind, n))
}

// Fleet is the size that was given to `caravan seed --users --trips`: user i is
// a collaborator of trip i mod Trips.
type Fleet struct {
	Users int
	Trips int
}

// Members is how many users collaborate in trip j.
func (f Fleet) Members(j int) int {
	if j >= f.Users {
		return 0
	}
	return (f.Users-1-j)/f.Trips + 1
}

// Member returns the user who takes seat k of trip j. Seats beyond the trip's
// members are taken by the same users again, as people with several devices.
func (f Fleet) Member(j, k int) int {
	return j + f.Trips*(k%f.Members(j))
}

// Check reports whether the first rooms trips have a member each.
func (f Fleet) Check(rooms int) error {
	switch {
	case f.Trips < 1 || f.Users < 1:
		return fmt.Errorf("a fleet of %d users and %d trips has nobody in it", f.Users, f.Trips)
	case rooms > f.Trips:
		return fmt.Errorf("%d rooms need as many trips, the fleet has %d", rooms, f.Trips)
	case rooms > f.Users:
		return fmt.Errorf("%d rooms need as many users, the fleet has %d", rooms, f.Users)
	}
	return nil
}

// SeedCommand is what writes this fleet.
func (f Fleet) SeedCommand() string {
	return fmt.Sprintf("caravan seed --users %d --trips %d", f.Users, f.Trips)
}
