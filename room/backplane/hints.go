package backplane

import (
	"context"
	"sync"

	"github.com/google/uuid"
)

// hints are the rooms of which something was told that is not believed: they are to be
// compared with the database. A flood of them costs a few looks a second, since rooms
// are gathered for hintEvery and looked at together. Beyond hintsMax rooms what is told
// is found by the domain's own slow looks. Safe for concurrent use.
type hints struct {
	mu    sync.Mutex
	rooms map[uuid.UUID]struct{}
	due   chan struct{} // has one element when there are rooms
}

func newHints() *hints {
	return &hints{rooms: make(map[uuid.UUID]struct{}), due: make(chan struct{}, 1)}
}

func (h *hints) add(roomID uuid.UUID) {
	h.mu.Lock()
	if len(h.rooms) < hintsMax {
		h.rooms[roomID] = struct{}{}
	}
	h.mu.Unlock()
	select {
	case h.due <- struct{}{}:
	default:
	}
}

func (h *hints) take() (rooms []uuid.UUID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for roomID := range h.rooms {
		rooms = append(rooms, roomID)
	}
	clear(h.rooms)
	return rooms
}

// followHints has the rooms of hints compared with the database, until ctx ends.
func (b *Backplane) followHints(ctx context.Context) {
	for {
		select {
		case <-b.hints.due:
		case <-ctx.Done():
			return
		}
		pause(ctx, hintEvery)
		for _, roomID := range b.hints.take() {
			b.inbound.CatchUp(roomID)
		}
	}
}
