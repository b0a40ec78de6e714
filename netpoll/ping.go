package netpoll

import (
	"time"

	"github.com/caravan-chat/caravan/netpoll/frame"
)

// pongsPerSecondMax bounds the answers to a client's pings. Above it only the
// latest ping is answered, when the second is over (RFC 6455 section 5.5.3 allows
// it): a flood costs the server no more than reading it.
const pongsPerSecondMax = 100

// pongs is the state of a connection that sends pings; only those have one.
type pongs struct {
	since  moment // beginning of the second
	sent   int    // in it
	owed   bool
	latest []byte // payload of the ping that is not answered, where owed
}

// pinged answers a ping.
func (l *Loop) pinged(c *Conn, payload []byte) {
	p := c.pongs
	switch {
	case p == nil:
		p = &pongs{since: l.at}
		c.pongs = p
	case l.at.since(p.since) >= time.Second:
		*p = pongs{since: l.at, latest: p.latest}
	}
	if p.sent < pongsPerSecondMax {
		p.sent++
		l.enqueue(c, frame.AppendFrame(nil, frame.OpPong, false, payload))
		return
	}
	p.latest = append(p.latest[:0], payload...)
	p.owed = true
}

// settlePongs answers what is owed when the second is over.
func (l *Loop) settlePongs(c *Conn) {
	p := c.pongs
	if p == nil || l.at.since(p.since) < time.Second {
		return
	}
	c.pongs = nil
	if p.owed {
		c.pongs = &pongs{since: l.at, sent: 1}
		l.enqueue(c, frame.AppendFrame(nil, frame.OpPong, false, p.latest))
	}
}

// pingFrame is every ping of ours.
var pingFrame = frame.AppendFrame(nil, frame.OpPing, false, nil)

// ping asks a silent client for a sign of life.
func (l *Loop) ping(c *Conn) {
	c.mark = l.at
	l.enqueue(c, pingFrame)
}
