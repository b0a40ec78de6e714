package room

import (
	"time"

	"github.com/google/uuid"
)

// Neighbour is a node on the same database, as it noted itself there.
type Neighbour struct {
	ID      uuid.UUID
	Name    string        // for people; empty: not noted, by a build before that
	Up      time.Duration // how long it has been running; zero: not noted likewise
	Carried bool          // its own heartbeats come back from Redis
}
