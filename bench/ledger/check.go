package ledger

import "slices"

// Check closes the account and returns the report. No record may follow.
func (l *Ledger) Check() *Report {
	l.placeBare()
	for _, id := range sorted(l.messages) {
		l.checkMessage(l.messages[id])
	}
	l.checkPins()
	l.checkHolders()
	l.checkLists()
	for _, id := range sorted(l.rooms) {
		l.checkRoom(id, l.rooms[id])
	}
	for _, name := range sorted(l.ops) {
		l.checkOp(l.ops[name])
	}
	for len(l.views.waiting) > 0 {
		l.judgeOldest()
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
	l.checkChanges(m)
	if wrong := l.wrongSummary(m, l.replies()); wrong != "" {
		l.lost("message %s: %s", m.id, wrong)
	}
	l.report.Stored++
}

// checkOp: what was acknowledged is stored, what was refused is not, and the
// rest was settled.
func (l *Ledger) checkOp(o *op) {
	if o.kind == Auth {
		return // a connection without another token ends, and stores nothing
	}
	stored := o.made != nil || o.number != 0 || (o.granted != 0 && !o.forfeit)
	switch {
	case stored && o.denied():
		l.unexplained("op %s was refused, and is stored", o.name)
	case stored && o.kind == Send && !l.permitted(o):
		l.unexplained("op %s is stored, and its sender may not do that", o.name)
	case o.granted != 0 && !o.forfeit:
		l.checkGranted(o)
	case stored || o.denied() || o.moot:
	case o.acked && (o.kind == Send || o.kind == Edit):
		l.lost("op %s was acknowledged, and is not stored", o.name)
	case o.forfeit:
		l.report.Forfeited++
	case o.kind == Send:
		l.unexplained("op %s was never settled: neither stored nor refused", o.name)
	case o.silent > 0 && !o.burnt:
		l.unanswered(o.silent-1, o)
	}
	switch {
	case stored:
		l.report.Settled++
	case o.denied(), o.moot:
		l.report.Denied++
	case !o.forfeit:
		l.report.Unknown++
	}
}

// checkRoom: the numbers are dense. Each is of a known event, or of an edit that
// nobody saw because another one followed.
func (l *Ledger) checkRoom(id int, r *room) {
	if !r.begun || !r.ended {
		l.unexplained("room %d: its beginning or its end is not known", id)
		return
	}
	if r.top > r.head {
		l.lost("room %d: event %d was seen, and the room is at %d at the end", id, r.top, r.head)
	}
	if left := l.holes(id, r); len(left) > 0 {
		l.unexplained("room %d: %d numbers, the first is %d, belong to no event, and no edit of unknown outcome can have taken them", id, len(left), left[0])
	}
	l.report.Numbers += r.head - r.base
}

// checkClient: everybody is there at the end, and has the last state of each message.
func (l *Ledger) checkClient(id int, c *client) {
	if !c.stays {
		l.unexplained("client %d was not connected at the end", id)
		return
	}
	l.checkRole(id, c)
	if c.keeps != nil {
		l.checkHeld(id, c)
		return
	}
	room := l.room(c.room)
	for n := max(c.start, room.base) + 1; n <= room.top; n++ {
		m := room.events[n]
		switch {
		case m == nil || m.last != n || c.seen.has(n):
		case c.torn[m.id]:
			l.report.Torn++
		default:
			l.lost("client %d never saw event %d of message %s, which is its last state", id, n, m.id)
		}
	}
}
