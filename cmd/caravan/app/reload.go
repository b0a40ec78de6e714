package app

import (
	"context"
	"reflect"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room/socket"
)

// Reload takes over of a configuration what a server can change while it runs, of who is
// connected as well; nobody is sent away. It returns the settings that have another value
// from now on, and those that would have one after a restart. Where it fails nothing has
// changed. Call it between Open and Close.
func (a *App) Reload(ctx context.Context, cfg *config.Config) (taken, left []string, err error) {
	a.reloads.Lock()
	defer a.reloads.Unlock()
	before := a.live.Load()
	if cfg.Dev != before.Dev { // it brings a key that everybody knows
		return nil, nil, &config.Error{Flag: "dev", Text: "can be changed by a restart alone"}
	}
	now := *cfg
	now.MaxFrame = a.cfg.MaxFrame // which the rates in bytes follow
	if !reflect.DeepEqual(before.JWT, cfg.JWT) {
		jwt := cfg.JWT
		jwt.Log = a.log
		if err := a.tokens.set(ctx, jwt); err != nil {
			return nil, nil, err
		}
	}
	a.live.Store(&now)
	a.allowances.SetRates(rates(&now))
	a.handler.SetLimits(socketLimits(&now))
	a.sockets.BoundWebSockets(cfg.MaxConnections)
	a.proxies.Believe(cfg.TrustedProxies)
	a.addresses.SetRates(addressRates(cfg))
	a.visits.SetAccess(cfg.AccessLog)
	a.store.SetQuotas(quotas(cfg))
	taken, _ = config.Changed(before, cfg)
	_, left = config.Changed(a.cfg, cfg)
	return taken, left, nil
}

// Reloaded tells the metrics how a reload went.
func (a *App) Reloaded(well bool) { a.metrics.Reloaded(well) }

func quotas(cfg *config.Config) persist.Quotas {
	return persist.Quotas{RoomBytes: int64(cfg.RoomBytes), UserMessagesPerDay: int64(cfg.UserMessagesPerDay)}
}

func socketLimits(cfg *config.Config) socket.Limits {
	return socket.Limits{
		Frames: frames(cfg.Rate, cfg.Burst), FrameBytes: frameBytes(cfg, cfg.Rate, cfg.Burst),
		PerUser: cfg.PerUser, RoomsPerConnection: cfg.RoomsPerConnection,
	}
}
