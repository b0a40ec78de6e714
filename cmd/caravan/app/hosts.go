package app

import (
	"context"
	"os"

	"github.com/caravan-chat/caravan/cmd/caravan/admin"
	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/room/backplane"
)

// hosts are the names that a port which trusts whoever reaches it answers to: those of
// --admin-hosts, this machine's, and the one that it listens on.
func (a *App) hosts(listen string) config.Hosts {
	machine, err := os.Hostname()
	if err != nil {
		machine = ""
	}
	return a.cfg.AdminHosts.With(machine, listen)
}

func (a *App) adminConfig() admin.Config {
	var nodes func(context.Context) ([]backplane.Node, error)
	if a.cfg.Redis != "" {
		nodes = func(ctx context.Context) ([]backplane.Node, error) {
			return backplane.Nodes(ctx, backplane.Config{URL: a.cfg.Redis, Prefix: a.cfg.RedisPrefix})
		}
	}
	return admin.Config{
		Addr: a.cfg.AdminListen, ReusePort: a.cfg.ReusePort, AllowHost: a.hosts(a.cfg.AdminListen).Allow, Profiles: a.cfg.AdminPprof,
		Obstacles: a.obstacles, Metrics: a.metrics.Handler(), Node: operated{a}, Name: nodeName(a.cfg), Nodes: nodes, Log: a.log,
	}
}

// allowHost says to which Host the public port answers. Nil: to any, since it trusts
// nobody. With --dev anybody can sign a token.
func (a *App) allowHost() func(host string) bool {
	if !a.cfg.Dev {
		return nil
	}
	return a.hosts(a.cfg.Listen).Allow
}

func (a *App) originAllowed(origin, host string) bool {
	return a.live.Load().AllowedOrigins.Allow(origin, host)
}

// allowOrigin says whether the page of an Origin may talk to the public port.
func (a *App) allowOrigin() func(origin, host string) bool {
	allowHost := a.allowHost()
	if allowHost == nil {
		return a.originAllowed
	}
	return func(origin, host string) bool { return allowHost(host) && a.originAllowed(origin, host) }
}
