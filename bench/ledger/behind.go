package ledger

// takeover is a fail-over under synchronous replication, from the promotion to the end of
// the former primary. Nothing is lost by it. But a server that reaches the former primary
// alone, and hears nobody, cannot know of the new one: what it reads meanwhile ends where
// the former primary ends.
type takeover struct {
	alive bool         // the former primary may answer
	known map[int]bool // servers that must know of the new one
}

// takeOver notes what happens in a fail-over.
func (l *Ledger) takeOver(r *Record) {
	switch r.Kind {
	case Promoted:
		l.former = takeover{alive: true, known: map[int]bool{}}
	case Known:
		l.former.known[r.Node] = true
	case Over:
		l.former.alive = false
	}
}

// mayBeBehind reports whether the server that answered may still have read the former primary.
func (l *Ledger) mayBeBehind(r *Record) bool {
	return l.former.alive && r.Node > 0 && !l.former.known[r.Node]
}

// missesIt reports whether a refusal is excused as what the op is about may not be on the
// former primary.
func (l *Ledger) missesIt(r *Record) bool {
	return (r.Code == "not_found" || r.Code == "invalid_reply" || r.Code == "invalid_attachment") && l.mayBeBehind(r)
}

// behind reports whether an answer is excused that ends before what its client knows. It is
// not where the client had said that it stands there.
func (l *Ledger) behind(r *Record) bool {
	if r.Seq < r.Since || !l.mayBeBehind(r) {
		return false
	}
	l.report.Behind++
	if c := l.client(r); r.Kind == Joined {
		c.again = c.known
	}
	return true
}
