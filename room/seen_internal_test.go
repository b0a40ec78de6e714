package room

import (
	"encoding/binary"
	"testing"

	"github.com/google/uuid"
)

// TestWhoIsConnectedLeavesPlacesToWhoLeaves, as that is not noted again.
func TestWhoIsConnectedLeavesPlacesToWhoLeaves(t *testing.T) {
	var s Service
	s.cfg.LastSeen = true
	user := func(n int) (id uuid.UUID) {
		binary.BigEndian.PutUint32(id[:], uint32(n))
		return id
	}
	for n := range seenUsersMax {
		s.StillSeen(user(n))
	}
	if n := s.seen.dropped.Load(); n != seenUsersMax/2 {
		t.Errorf("%d of those who are connected are not noted", n)
	}
	for n := range seenUsersMax {
		s.WasSeen(user(seenUsersMax/2 + n))
	}
	if n, kept := s.seen.dropped.Load(), len(s.seen.take()); n != seenUsersMax || kept != seenUsersMax {
		t.Errorf("%d are not noted, %d are", n, kept)
	}
}
