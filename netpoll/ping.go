package netpoll

import "github.com/caravan-chat/caravan/netpoll/frame"

// pinged answers a ping, in moderation.
func (l *Loop) pinged(c *Conn, payload []byte) {
	if c.state != stateOpen {
		return // nothing follows a closing frame
	}
	if c.pongs == nil {
		c.pongs = &pongs{since: l.at}
		l.isDue(c)
	}
	if c.pongs.answer(l.at, payload, c.flow == flowStalled) {
		l.pong(c, payload)
	}
}

// answerOwedPing answers the latest ping of a flood when its second is over, and that of
// a stalled client when it reads again.
func (l *Loop) answerOwedPing(c *Conn) {
	p := c.pongs
	if p == nil || !p.over(l.at) || c.flow == flowStalled {
		return
	}
	c.pongs = nil
	if p.owed {
		c.pongs = &pongs{since: l.at, sent: 1}
		l.pong(c, p.latest)
	}
}

func (l *Loop) pong(c *Conn, payload []byte) {
	l.enqueue(c, frame.AppendFrame(nil, frame.OpPong, false, payload))
}

// pingFrame is every ping of ours.
var pingFrame = frame.AppendFrame(nil, frame.OpPing, false, nil)

// ping asks a silent client for a sign of life. One that has not taken what was sent
// before has enough to answer to.
func (l *Loop) ping(c *Conn) {
	c.mark = l.at
	if c.flow != flowStalled {
		l.enqueue(c, pingFrame)
	}
}
