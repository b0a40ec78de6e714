package netpoll

import "github.com/caravan-chat/caravan/netpoll/proxyheader"

// takeHeader takes off what has come of a connection the header of the PROXY protocol that it
// begins with, once it is whole, and notes the client. isRequest tells that what is returned
// are bytes of a request; otherwise more has to come, or the connection was refused.
func (l *Loop) takeHeader(c *Conn, b []byte) (behind []byte, isRequest bool) {
	if _, taken := l.clients[c]; taken {
		return b, true
	}
	if proxied := l.shared.proxied; proxied == nil || !proxied(c.peer().Addr()) {
		return b, l.hasNoHeader(c, b)
	}
	client, n, err := proxyheader.Parse(b)
	switch {
	case err != nil:
		l.refuseHeader(c, err.Error(), RefusedProxyHeader)
		return nil, false
	case n == 0:
		l.keepRequest(c, b)
		return nil, false
	case !client.IsValid():
		client = c.peer()
	}
	l.clients[c] = client
	if u := c.unread; u != nil { // what was kept of the header
		l.requestBytes -= u.seen
		u.bytes, u.seen = b[n:], 0
	}
	return b[n:], true
}

// hasNoHeader makes sure that whoever is no proxy of ours does not say who it is.
func (l *Loop) hasNoHeader(c *Conn, b []byte) bool {
	yes, mayBe := proxyheader.Begins(b)
	switch {
	case yes:
		l.refuseHeader(c, "a PROXY protocol header of a peer that is not trusted", RefusedProxyUntrusted)
	case mayBe:
		l.keepRequest(c, b)
	}
	return !yes && !mayBe
}

func (l *Loop) refuseHeader(c *Conn, text string, why RefusalReason) {
	l.refuse(c, &Refusal{Status: 400, Body: []byte(text + "\n")}, why)
}
