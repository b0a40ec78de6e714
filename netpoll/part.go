package netpoll

import "github.com/caravan-chat/caravan/netpoll/frame"

// Part closes the connection as a Drain does: with CloseRestart, after what is queued. What
// the client sends until it has read that, and answers, is still handed to the Handler,
// for a few seconds at most; only then comes Handler.Close. Nothing can be sent meanwhile.
// No effect on a connection that is closing already.
func (c *Conn) Part() {
	if c.state == stateOpen {
		l := c.loop
		l.move(c, stateParting)
		l.push(c, frame.AppendClose(nil, sentAway.Code, sentAway.Reason))
	}
}
