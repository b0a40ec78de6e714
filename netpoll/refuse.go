package netpoll

import "time"

// refusalRetryAfter is what clients are told that come when the server is full or
// draining.
const refusalRetryAfter = 5 * time.Second

// refusalWait is how long the request of a client that is turned away is waited for:
// the refusal may depend on it (Config.RefusalHeader).
const refusalWait = time.Second

// turnsAway tells whether a client is refused whatever it asks for, and why.
func (l *Loop) turnsAway(c *Conn) (why RefusalReason, yes bool) {
	switch {
	case l.shared.drained.Load():
		return RefusedDraining, true
	case c.unread != nil && c.unread.crowded:
		return RefusedConnections, true
	}
	return 0, false
}

// refuse answers a handshake with a whole HTTP response and ends the connection.
func (l *Loop) refuse(c *Conn, r *Refusal, why RefusalReason) {
	l.counts.refused[why]++
	head := l.head
	if head == nil && c.unread != nil {
		head = c.unread.bytes
	}
	if tell := l.shared.turnedAway; tell != nil && why != RefusedHandler {
		tell(why, c.Remote(), string(l.request.Path))
	}
	l.endWith(c, l.refusal(r, head))
}

// refusal is the whole response to a request of which head has come.
func (l *Loop) refusal(r *Refusal, head []byte) []byte {
	told := *r
	if body := l.shared.refusalBody; body != nil && r.ContentType == "" {
		told.ContentType, told.Body = body(r.Status, r.Text())
	}
	if header := l.shared.refusalHeader; header != nil {
		told.Header += header(head)
	}
	return told.Append(nil, l.now)
}

func unavailable() *Refusal {
	return &Refusal{Status: 503, RetryAfter: refusalRetryAfter}
}
