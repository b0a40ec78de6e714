package ledger

import "slices"

// Check closes the account and returns the report. No record may follow.
func (l *Ledger) Check() *Report {
	for _, id := range sorted(l.messages) {
		l.checkMessage(l.messages[id])
	}
	for _, name := range sorted(l.ops) {
		l.checkOp(l.ops[name])
	}
	unseen := l.unseenEdits()
	for _, id := range sorted(l.rooms) {
		l.checkRoom(id, l.rooms[id], unseen[id])
	}
	for _, id := range sorted(l.clients) {
		l.checkClient(id, l.clients[id])
	}
	l.report.Clean = l.report.Lost.Count+l.report.Repeated.Count+l.report.Reordered.Count+l.report.Unexplained.Count == 0
	return &l.report
}

func sorted[K int | string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// checkMessage: what anybody saw was committed, and so it is there at the end.
func (l *Ledger) checkMessage(m *message) {
	if m.op == nil {
		return // it was told when it was first seen, or is older than the run
	}
	for _, way := range []string{WaySince, WayAfter} {
		rev, found := m.readBy(way)
		switch {
		case !found:
			l.lost("message %s of op %s was seen, and is not there at the end (read by %s)", m.id, m.op.name, way)
		case rev < m.last:
			l.lost("message %s was seen as event %d left it, and is at %d at the end (read by %s)", m.id, m.last, rev, way)
		}
	}
	l.report.Stored++
}

// checkOp: what was acknowledged is stored, what was refused is not, and the
// rest was settled.
func (l *Ledger) checkOp(o *op) {
	stored := o.made != nil || o.number != 0
	switch {
	case stored && o.denied():
		l.unexplained("op %s was refused, and is stored", o.name)
	case stored || o.denied():
	case o.acked:
		l.lost("op %s was acknowledged, and is not stored", o.name)
	case o.edits == "":
		l.unexplained("op %s was never settled: neither stored nor refused", o.name)
	}
	switch {
	case stored:
		l.report.Settled++
	case o.denied():
		l.report.Denied++
	default:
		l.report.Unknown++
	}
}

// checkRoom: the numbers are dense. Each is of a known event, or of an edit that
// nobody saw because another one followed; of those there can only be as many as
// edits whose outcome nobody knows.
func (l *Ledger) checkRoom(id int, r *room, unseen int64) {
	if !r.begun || !r.ended {
		l.unexplained("room %d: its beginning or its end is not known", id)
		return
	}
	if r.top > r.head {
		l.lost("room %d: event %d was seen, and the room is at %d at the end", id, r.top, r.head)
	}
	var holes, first int64
	for n := r.base + 1; n <= r.head; n++ {
		if r.events[n] == nil {
			if holes++; first == 0 {
				first = n
			}
		}
	}
	if holes > unseen {
		l.unexplained("room %d: %d numbers, the first is %d, belong to no event, and only %d edits are of unknown outcome", id, holes, first, unseen)
	}
	l.report.Numbers += r.head - r.base
}

// unseenEdits counts, for each room, the edits that may have taken a number which
// nobody saw.
func (l *Ledger) unseenEdits() map[int]int64 {
	unseen := map[int]int64{}
	for _, o := range l.ops {
		if o.edits != "" && o.number == 0 && !o.denied() {
			unseen[o.room]++
		}
	}
	return unseen
}

// checkClient: whoever is there at the end has the last state of each message.
func (l *Ledger) checkClient(id int, c *client) {
	if !c.stays {
		return
	}
	room := l.room(c.room)
	for n := max(c.start, room.base) + 1; n <= room.top; n++ {
		if m := room.events[n]; m != nil && m.last == n && !c.seen.has(n) {
			l.lost("client %d never saw event %d of message %s, which is its last state", id, n, m.id)
		}
	}
}
