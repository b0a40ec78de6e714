package room

import (
	"context"

	"github.com/google/uuid"
)

// Rights say whose rights may have changed since a Moment: what is asked again and again of a member.
type Rights struct {
	// Until is the Moment up to which the answer goes. Empty: the store has none.
	Until Moment
	// All says that the store cannot tell: anybody's may have.
	All bool

	of map[userInTrip]struct{} // the zero id is everybody, or every trip
}

type userInTrip struct{ user, trip uuid.UUID }

// Note adds a user in a trip. The zero id means everybody in the trip, or the user in every trip.
func (r *Rights) Note(user, trip uuid.UUID) {
	if r.of == nil {
		r.of = make(map[userInTrip]struct{})
	}
	r.of[userInTrip{user, trip}] = struct{}{}
}

// Concern reports whether the rights of a user in a trip may have changed.
func (r *Rights) Concern(user, trip uuid.UUID) bool {
	if r.All || len(r.of) == 0 {
		return r.All
	}
	for _, of := range [...]userInTrip{{user, trip}, {user: user}, {trip: trip}} {
		if _, noted := r.of[of]; noted {
			return true
		}
	}
	return false
}

// RightsSince returns whose rights may have changed since a Moment that it returned. Where
// the store cannot be asked, anybody's may have. So may they while notices of other nodes may not arrive, as with
// their rights members learn how far they have read there.
func (s *Service) RightsSince(ctx context.Context, since Moment) (rights Rights) {
	look, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	err := s.guard.Run("look for changed rights", func() (err error) {
		rights, err = s.store.RightsSince(look, since)
		return err
	})
	if err != nil {
		return Rights{All: true} // the checks say what is wrong
	}
	s.stats.RightsWritten.Add(int64(len(rights.of)))
	if s.backplane != nil && !s.backplane.Healthy() {
		rights.All = true
	}
	return rights
}
