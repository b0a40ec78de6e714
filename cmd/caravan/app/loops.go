package app

import (
	"net/netip"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/rest"
)

// loopMailMax is how many posts may wait for one loop before the lanes pause.
const loopMailMax = 4_096

// congested says whether some loop does not keep up with what it is posted.
func (a *App) congested() bool {
	if a.phase.Load() == starting {
		return false // there are no loops yet
	}
	for _, l := range a.sockets.Loops() {
		if l.MailWaiting() > loopMailMax {
			return true
		}
	}
	return false
}

func (a *App) netpollConfig() netpoll.Config {
	return netpoll.Config{
		Address:       a.address,
		Handler:       a.handler,
		Loops:         a.cfg.Loops,
		HTTP:          a.rest.Hand,
		RefusalBody:   rest.RefusalBody,
		RefusalHeader: rest.RefusalHeader(a.originAllowed),
		TurnedAway: func(why netpoll.RefusalReason, remote netip.AddrPort, path string) {
			a.visits.TurnedAway(why.String(), "", remote.Addr(), path)
		},
		Proxied:          func(peer netip.Addr) bool { return a.live.Load().ProxyProtocol && a.proxies.Believes(peer) },
		WebSocketsMax:    a.cfg.MaxConnections,
		HandshakeTimeout: a.cfg.HandshakeTimeout,
		PingInterval:     a.cfg.PingInterval,
		IdleTimeout:      a.cfg.IdleTimeout,
		MessageBytesMax:  a.cfg.MaxFrame,
		TextOnly:         true,
		OutboxBytesMax:   a.cfg.SendBuffer,
		RequestBytesMax:  int(a.budget.Handshakes),
		BegunBytesMax:    int(a.budget.Begun),
		SlowCloseCode:    uint16(protocol.CloseSlowConsumer),
		Compression:      a.cfg.Compression,
		Part:             a.handler.Part,
		DrainTimeout:     a.cfg.DrainTimeout,
		Log:              a.log,
	}
}
