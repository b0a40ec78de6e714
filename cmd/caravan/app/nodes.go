package app

import (
	"fmt"
	"os"

	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/backplane"
)

// openBackplane opens the way to the other nodes; nil where this one is alone.
// Redis need not be there: it carries notice, not truth.
func (a *App) openBackplane() (room.Backplane, error) {
	if a.cfg.Redis == "" {
		return nil, nil
	}
	name, err := os.Hostname()
	if err != nil {
		name = "unknown" // it is for people only
	}
	a.backplane, err = backplane.New(backplane.Config{
		URL: a.cfg.Redis, Name: name, Version: a.version.Version, Load: a.load, Log: a.log,
	})
	if err != nil {
		return nil, fmt.Errorf("backplane: %w", err)
	}
	return a.backplane, nil
}

// load is what this node tells the others about itself. Before it serves, and
// once it drains, it has nothing to offer.
func (a *App) load() backplane.Load {
	if a.phase.Load() != serving {
		return backplane.Load{}
	}
	return backplane.Load{Ready: a.watch.up(), Rooms: a.chat.Stats().RoomsNow, Connections: a.sockets.Stats().Open}
}
