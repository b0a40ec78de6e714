package netpoll

import (
	"cmp"
	"slices"
)

// What an open connection keeps of its client's: the part of a message that has come, and
// what a paused client sent. A loop bounds it, all connections together.

// begun returns how many bytes a connection keeps so.
func (c *Conn) begun() int {
	n := c.reader.Held()
	if c.unread != nil {
		n += len(c.unread.bytes)
	}
	return n
}

// noteBegun is called where an open connection has brought bytes. What was kept before and
// is finished now is found only by boundBegun, which therefore has much to do now and
// then, in place of a little each time.
func (l *Loop) noteBegun(c *Conn, came int) {
	if !c.state.listens() || c.begun() == 0 {
		return
	}
	l.counts.begunBytes += came
	if most := l.shared.limits.begunBytesMax; l.counts.begunBytes > most {
		l.boundBegun(most / 4 * 3) // less than may be, so that it is not called again at once
	}
}

// boundBegun closes the connections that keep most, until all together keep no more than
// that, and returns how many bytes they gave back.
func (l *Loop) boundBegun(most int) (freed int) {
	var all []*Conn
	kept := 0
	for _, c := range l.conns {
		if c.state.listens() && c.begun() > 0 {
			all = append(all, c)
			kept += c.begun()
		}
	}
	if kept > most {
		slices.SortFunc(all, func(a, b *Conn) int { return cmp.Compare(b.begun(), a.begun()) })
	}
	for _, c := range all {
		if kept-freed <= most {
			break
		}
		freed += c.begun()
		l.finish(c, Closed{l.shared.limits.slowCloseCode, "too much was begun and not ended", CauseMemory})
	}
	l.counts.begunBytes = kept - freed
	return freed
}
