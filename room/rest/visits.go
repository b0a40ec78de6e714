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

// turnedAway has the log say that the call is refused.
func (c *call) turnedAway(why, detail string) {
	if c.cfg.Visits != nil {
		c.cfg.Visits.TurnedAway(why, detail, c.address(), string(c.http.Path()))
	}
}

// tellVisit has the log say how the call was answered.
func (c *call) tellVisit(took time.Duration) {
	if !c.cfg.Visits.All() {
		return
	}
	c.cfg.Visits.REST(visit.Call{
		From: c.address(), User: c.caller.User, Method: string(c.http.Method()), Path: string(c.http.Path()),
		Status: c.http.Response.StatusCode(), Bytes: len(c.http.Response.Body()), Took: took,
	})
}
