package netpoll

import "slices"

// agesSpare is how many connections may stand in ages that need not, beside as many as
// need to.
const agesSpare = 64

var (
	awaitedStates = setOf(stateHandshake)
	leavingStates = setOf(stateEnding, stateLingering)
)

// add takes up a connection that has come to one of the states.
func (a *ages) add(c *Conn, in states) {
	if len(a.conns) > 2*a.live+agesSpare {
		a.conns = slices.DeleteFunc(a.conns, func(c *Conn) bool { return !in.has(c.state) })
	}
	a.conns = append(a.conns, c)
	a.live++
}

// oldest returns the one that has been there for longest, of those that are meant; nil
// where there is none.
func (a *ages) oldest(in states, meant func(*Conn) bool) *Conn {
	for len(a.conns) > 0 && !in.has(a.conns[0].state) {
		a.conns[0] = nil
		a.conns = a.conns[1:]
	}
	for _, c := range a.conns {
		if in.has(c.state) && meant(c) {
			return c
		}
	}
	return nil
}
