package app

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/backplane"
)

// backplaneSecret is the name of the secret that nodes sign with what they tell one another.
const backplaneSecret = "backplane"

// secret is one that all nodes on the database share; a database that cannot be reached for a
// moment is asked again.
func (a *App) secret(ctx context.Context, name string) ([]byte, error) {
	return retry(ctx, a.cfg.DatabaseWait, a.log, func() ([]byte, error) { return a.store.Secret(ctx, name) })
}

// openBackplane opens the way to the other nodes; nil where this one is alone.
// Redis need not be there: it carries notice, not truth.
func (a *App) openBackplane(ctx context.Context) (room.Backplane, error) {
	if a.cfg.Redis == "" {
		return nil, nil
	}
	deployment, err := retry(ctx, a.cfg.DatabaseWait, a.log, func() (uuid.UUID, error) { return a.store.Deployment(ctx) })
	if err != nil {
		return nil, err
	}
	lookUp := func(ctx context.Context) ([]byte, error) { return a.store.Secret(ctx, backplaneSecret) }
	secret, err := a.secret(ctx, backplaneSecret)
	if err != nil {
		return nil, err
	}
	a.backplane, err = backplane.New(backplane.Config{
		URL: a.cfg.Redis, Prefix: a.cfg.RedisPrefix, Deployment: deployment, Secret: secret, LookUp: lookUp,
		NoteNode: a.store.NoteNode, Primary: a.store,
		Name: nodeName(a.cfg), Version: a.version.Version, Load: a.load, Log: a.log, NoticesBytes: a.budget.Notices,
	})
	if err != nil {
		return nil, fmt.Errorf("backplane: %w", err)
	}
	return a.backplane, nil
}

// nodeName says which node this is, to people: several may share a machine, and even its ports.
func nodeName(cfg *config.Config) string {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	if host, port, err := net.SplitHostPort(cfg.Listen); err == nil {
		if on, err := netip.ParseAddr(host); host == "" || (err == nil && on.IsUnspecified()) {
			name += ":" + port
		} else {
			name += "/" + cfg.Listen
		}
	}
	if cfg.ReusePort {
		name += fmt.Sprintf(" (process %d)", os.Getpid())
	}
	return name
}

// betweenNodes says why clients are better off on another node: what this one tells is not
// carried, or it does not hear the greater part of the others. Empty where it does. One that
// hears all but a few goes on: those would stop it otherwise.
func (a *App) betweenNodes() string {
	switch {
	case a.backplane == nil:
		return ""
	case !a.backplane.Carried():
		return "redis does not carry notices"
	case a.backplane.Apart():
		return "redis does not carry notices of other nodes"
	}
	return ""
}

// load is what this node tells the others about itself. Before it serves, and
// once it drains, it has nothing to offer.
func (a *App) load() backplane.Load {
	if a.phase.Load() != serving {
		return backplane.Load{}
	}
	return backplane.Load{Ready: len(a.obstacles()) == 0, Rooms: a.chat.Stats().RoomsNow, Connections: a.sockets.Stats().Open}
}
