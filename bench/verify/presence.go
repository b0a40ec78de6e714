package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
)

// presentEvery is the pause between two looks at who is told to be there.
const presentEvery = time.Second

// present notes where a server does not tell in the end who is in a room: who of the members is
// connected, and nobody of them who is not. It waits as long as for all else: a server that was
// killed takes its users with it in 20 s.
func (cr *crew) present(ctx context.Context) {
	if cr.cfg.spares("watch") {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, cr.cfg.Settle)
	defer cancel()
	var rooms sync.WaitGroup
	for room := range cr.cfg.Rooms {
		rooms.Go(func() {
			for node := range cr.nodes {
				cr.presentIn(ctx, room, node)
			}
		})
	}
	rooms.Wait()
}

// presentIn waits until a server tells who is in a room, or notes what is wrong.
func (cr *crew) presentIn(ctx context.Context, room, node int) {
	first := cr.members[room] // the first of each room
	wrong := "nothing was asked"
	for {
		here, err := first.online(ctx, node)
		var refused *restError
		switch {
		case errors.As(err, &refused) && refused.status == http.StatusNotFound:
			return // a server of before
		case err == nil:
			if wrong = cr.differs(room, here); wrong == "" {
				return
			}
		case ctx.Err() == nil:
			wrong = err.Error()
		}
		select {
		case <-time.After(presentEvery):
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.Canceled) {
				first.note(ledger.Record{Kind: ledger.Unsettled, Code: fmt.Sprintf("server %d does not tell who is in the room: %s", node+1, wrong)})
			}
			return
		}
	}
}

// differs says what is wrong of who is told to be in a room; empty: nothing.
func (cr *crew) differs(room int, here map[uuid.UUID]bool) string {
	connected := make(map[uuid.UUID]bool)
	for _, m := range cr.members {
		if m.room == room {
			m.mu.Lock()
			connected[fleet.User(m.user)] = connected[fleet.User(m.user)] || m.sess != nil
			m.mu.Unlock()
		}
	}
	for user, is := range cr.js.online(room) {
		connected[uuid.MustParse(user)] = is
	}
	for user, is := range connected {
		switch {
		case is && !here[user]:
			return fmt.Sprintf("%s is connected, and not told", user)
		case !is && here[user]:
			return fmt.Sprintf("%s is told, and not connected", user)
		}
	}
	return ""
}

// online asks a server who is in the member's room.
func (m *member) online(ctx context.Context, node int) (map[uuid.UUID]bool, error) {
	here := make(map[uuid.UUID]bool)
	target := "/api/v1/chat/rooms/" + fleet.Trip(m.room).String() + "/members/?limit=200"
	err := followAt(ctx, m, node, target, func(is *struct {
		User struct {
			ID uuid.UUID `json:"id"`
		} `json:"user"`
		Online bool `json:"online"`
	}) {
		if is.Online {
			here[is.User.ID] = true
		}
	})
	return here, err
}
