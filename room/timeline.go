package room

import "errors"

// Timeline numbers the primaries of a database. One that takes over has a greater one
// than the one before it, whether that is still alive or not. Two primaries have two
// histories: the one on the greater timeline is the truth. Zero: not known, or the store
// has none.
type Timeline uint32

// ErrSuperseded says that the server that can be reached is not the primary any more.
var ErrSuperseded = errors.New("another primary has taken over")

// Timeline returns the greatest timeline that is known.
func (s *Service) Timeline() Timeline { return s.store.Timeline() }

// Superseded reports whether another primary has taken over since a read that began on a
// timeline. What it has found may be lost, and is not told then.
func (s *Service) Superseded(t Timeline) bool { return t < s.store.Timeline() }
