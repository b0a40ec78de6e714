package sqlite

import (
	"context"
	"time"

	"github.com/caravan-chat/caravan/room"
)

// NoteNode returns the node alone: no other one can be on this file.
func (s *Store) NoteNode(_ context.Context, node room.Neighbour, _ time.Duration, _ int) ([]room.Neighbour, error) {
	return []room.Neighbour{node}, nil
}
