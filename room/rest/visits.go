package rest

import (
	"bytes"
	"net"
	"net/netip"
	"time"

	"github.com/caravan-chat/caravan/room/visit"
)

// address is the client's address.
func (c *call) address() netip.Addr {
	return c.cfg.Proxies.Client(addressOf(c.in), func(name string) string {
		return string(bytes.Join(c.http.Request.Header.PeekAll(name), []byte(", ")))
	})
}

func addressOf(c net.Conn) netip.Addr {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap()
}

// peerOf returns the address of the other end of the socket. Behind a proxy that speaks the
// PROXY protocol, RemoteAddr is the client's.
func peerOf(c net.Conn) netip.Addr {
	if p, ok := c.(interface{ Peer() netip.AddrPort }); ok {
		return p.Peer().Addr()
	}
	return addressOf(c)
}

// turnedAway has the log say that the call is refused.
func (c *call) turnedAway(why, detail string) {
	if c.cfg.Visits != nil {
		c.cfg.Visits.TurnedAway(why, detail, c.address(), string(c.http.Path()))
	}
}

// mayTry refuses where too many tokens that are not good came from the client's address.
func (c *call) mayTry() bool {
	if !c.cfg.Addresses.BoundTokens() {
		return true // to find out the address costs a little
	}
	why, wait := c.cfg.Addresses.MayAsk(c.address(), time.Now())
	if wait > 0 {
		c.turnedAway(why, "")
		c.retryAfter(wait)
		c.refuse(errAddress)
	}
	return wait == 0
}

// hasFailed counts a token that was not good.
func (c *call) hasFailed() {
	if c.cfg.Addresses.BoundTokens() {
		c.cfg.Addresses.Failed(c.address(), time.Now())
	}
}

// tellVisit has the log say how the call was answered.
func (c *call) tellVisit(took time.Duration) {
	if !c.cfg.Visits.WritesAccess() {
		return
	}
	c.cfg.Visits.REST(visit.Call{
		From: c.address(), User: c.caller.User, Method: string(c.http.Method()), Path: string(c.http.Path()),
		Status: c.http.Response.StatusCode(), Bytes: len(c.http.Response.Body()), Took: took,
	})
}
