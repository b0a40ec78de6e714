package netpoll

import "time"

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

// over tells whether the second is over.
func (p *pongs) over(now moment) bool { return now.since(p.since) >= time.Second }

// answer tells whether a ping is answered at once. Otherwise its payload is kept. Who
// takes nothing is not answered: pongs would only pile up.
func (p *pongs) answer(now moment, payload []byte, stalled bool) bool {
	if p.over(now) {
		*p = pongs{since: now, latest: p.latest}
	}
	if p.sent < pongsPerSecondMax && !stalled {
		p.sent++
		return true
	}
	p.latest = append(p.latest[:0], payload...)
	p.owed = true
	return false
}
