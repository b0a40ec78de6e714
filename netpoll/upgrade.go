package netpoll

import (
	"bytes"

	"github.com/caravan-chat/caravan/netpoll/handshake"
)

// readRequest collects a request until its header block is whole.
func (l *Loop) readRequest(c *Conn, b []byte) {
	seen, returned := 0, false
	if r := c.unread; r != nil {
		r.bytes = append(r.bytes, b...)
		b, seen, returned = r.bytes, r.seen, r.returned
	}
	why, turnedAway := l.turnsAway(c)
	if !returned {
		behind, isRequest := l.takeHeader(c, b)
		if !isRequest {
			return
		}
		if len(behind) < len(b) {
			b, seen = behind, 0
		}
	}
	end := handshake.HeaderEnd(b, seen)
	if end < 0 {
		l.keepRequest(c, b)
		return
	}
	l.forgetRequest(c)
	l.head = b
	defer func() { l.request, l.asked, l.head = handshake.Request{}, Request{}, nil }()
	kind, refusal := handshake.Parse(b[:end], &l.request)
	switch {
	case refusal != nil:
		l.refuse(c, refusal, RefusedMalformed)
	case turnedAway && !(why == RefusedConnections && l.takePlace(c)):
		l.refuse(c, unavailable(), why)
	case kind == handshake.HTTP && (returned || l.shared.handovers == nil):
		l.refuse(c, &Refusal{Status: 426}, RefusedMalformed)
	case kind == handshake.HTTP:
		l.handOver(c, b)
	default:
		l.upgrade(c, b[end:])
	}
}

// upgrade answers a correct opening handshake. rest are the bytes that came with it.
func (l *Loop) upgrade(c *Conn, rest []byte) {
	if l.shared.scarce.Load() {
		l.refuse(c, unavailable(), RefusedMemory)
		return
	}
	l.asked = requestOf(c, &l.request)
	r := &l.asked
	remote := r.Remote
	session, refusal := l.handler.Upgrade(r)
	if refusal != nil {
		l.refuse(c, refusal, RefusedHandler)
		return
	}
	most := l.shared.webSocketsMax.Load()
	if n := l.shared.webSockets.Add(1); most > 0 && n > most {
		l.shared.webSockets.Add(-1)
		l.refuse(c, unavailable(), RefusedConnections)
		return
	}
	if l.shared.compression {
		c.deflate = l.request.Deflate
	}
	l.accept = handshake.AppendAccept(l.accept[:0], &l.request, r.Protocol, l.shared.compression)
	c.session = session
	if r.Remote != remote {
		l.clients[c] = r.Remote
	}
	l.spare.giveUp(c.raw)
	l.move(c, stateOpen)
	l.push(c, bytes.Clone(l.accept))
	l.handler.Open(c)
	if l.drain != nil { // it came before the listener was shut
		l.toPart = append(l.toPart, c)
	}
	if c.state == stateOpen && len(rest) > 0 {
		l.read(c, rest)
	}
}

func requestOf(c *Conn, r *handshake.Request) Request {
	return Request{
		Path:          string(r.Path),
		RawQuery:      string(r.RawQuery),
		Host:          string(r.Host),
		Origin:        string(r.Origin),
		Authorization: string(r.Authorization),
		Remote:        c.Remote(),
		checked:       r,
	}
}
