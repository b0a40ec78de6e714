package ledger

import "slices"

// pinsMax is how many pinned messages a room may have.
const pinsMax = 50

// grant notes that an attempt was answered with an ack.
func (l *Ledger) grant(r *Record, o *op) {
	o.answers++
	l.checkPermitted(r, o)
	if o.kind == Auth && !o.on {
		l.unexplained("client %d: the token of op %s was taken, and is not good", r.Client, o.name)
	}
	if r.Way == WayREST && o.kind == React {
		l.checkMine(r, o)
	}
	if o.kind == Send && r.Way == WayLibrary {
		o.acked = true
		return
	}
	if o.granted == 0 {
		o.granted = l.clock
	}
	if o.kind == Mark {
		c := l.client(r)
		c.mark = max(c.mark, min(o.mark, l.room(r.Room).top))
	}
}

// own notes where a client is told that its user's mark is. It never goes back.
func (l *Ledger) own(r *Record) {
	c := l.client(r)
	if r.Seq < c.mark && !l.behind(r) {
		l.lost("client %d: its mark was at %d, and is told at %d", r.Client, c.mark, r.Seq)
	}
	if r.Seq > max(c.asked, l.room(r.Room).base) {
		l.unexplained("client %d: its mark is told at %d, and it has asked for %d at most", r.Client, r.Seq, c.asked)
	}
	c.mark = max(c.mark, r.Seq)
}

// hint notes what a frame said that an event changed.
func (l *Ledger) hint(m *message, r *Record) {
	if r.Change == "" {
		return
	}
	if m.said == nil {
		m.said = map[int64]string{}
	}
	if other := m.said[r.Seq]; other != "" && other != r.Change {
		l.unexplained("message %s: event %d changed %q for client %d, and %q for others", m.id, r.Seq, r.Change, r.Client, other)
	}
	m.said[r.Seq] = r.Change
}

// placeBare notes of which messages patches were whose messages their clients did not have.
func (l *Ledger) placeBare() {
	for _, r := range l.bare {
		if m := l.messages[r.Message]; m != nil {
			l.place(m, r.Seq)
		}
	}
	l.bare = nil
}

// checkChanges: each event of a message changed one thing, which somebody had asked for and
// which had not been so before; and nothing follows its deletion.
func (l *Ledger) checkChanges(m *message) {
	slices.SortFunc(m.revs, func(a, b state) int { return int(a.number - b.number) })
	for i := range m.revs {
		s := &m.revs[i]
		if m.gone != 0 && s.number > m.gone && s.by != nil {
			l.unexplained("message %s was deleted at %d, and says something again at %d", m.id, m.gone, s.number)
			return
		}
		if i == 0 && s.number == m.seq {
			continue
		}
		before := &state{by: m.op} // as it was made
		if i > 0 {
			before = &m.revs[i-1]
		}
		l.checkChange(m, before, s, l.between(m, max(before.number, m.seq), s.number))
	}
}

// between is how many numbers between two others may be of a message, unseen.
func (l *Ledger) between(m *message, from, to int64) (unseen int) {
	room := l.room(m.room)
	for n := from + 1; n < to; n++ {
		if of := room.events[n]; of == nil || of == m {
			unseen++
		}
	}
	return unseen
}

// checkChange checks what happened between two states of a message that were seen, with so
// many numbers between them that nobody saw.
func (l *Ledger) checkChange(m *message, before, s *state, unseen int) {
	changed := map[string]bool{}
	switch {
	case s.by == nil && before.by != nil:
		changed["deleted"] = true // and the pin goes with it
		l.took(m, s, "was deleted as by a "+s.goer, unseen, func(o *op) bool {
			return o.kind == Delete && l.permitted(o) && (s.goer == "sender") == (o.sender == m.op.sender)
		})
	case s.by != before.by, s.by != nil && before.number != 0 && s.updated != before.updated:
		changed["content"] = true
		if s.by.kind == Edit {
			l.took(m, s, "was edited", unseen, func(o *op) bool { return o == s.by })
		} else {
			l.unexplained("message %s says at %d again what op %s sent, after an edit", m.id, s.number, m.op.name)
		}
	}
	if s.by != nil && (s.pinned != before.pinned || s.pinner != before.pinner) {
		changed["pin"] = true
		on := s.pinned != ""
		if on && before.pinned != "" && unseen == 0 {
			l.unexplained("message %s was pinned at %d, and was pinned already", m.id, s.number)
		}
		l.took(m, s, "was pinned, or its pin taken away,", unseen, func(o *op) bool {
			return o.kind == Pin && o.on == on && (!on || o.sender == s.pinner)
		})
	}
	if s.summary != before.summary && !changed["deleted"] { // the reactions go with the content
		changed["summary"] = true
	}
	if o := s.by; len(changed) == 0 && o != nil && o.kind == Edit && o.effects < o.attempts-o.denials {
		changed["content"] = true // sent again, it took a further number within the same microsecond
		o.effects++
	}
	switch said := m.said[s.number]; {
	case len(changed) == 0 && unseen == 0:
		l.unexplained("event %d of message %s changed nothing", s.number, m.id)
	case len(changed) > unseen+1:
		l.unexplained("event %d of message %s changed more than one thing", s.number, m.id)
	case said != "" && !changed[said] && unseen == 0:
		l.unexplained("event %d of message %s is told as a change of %q, and that did not change", s.number, m.id, said)
	}
}

// took finds who asked for a change that was seen: an op that was under way by then, and
// that has not yet changed as much as it went out.
func (l *Ledger) took(m *message, s *state, what string, unseen int, is func(*op) bool) {
	var asked *op
	for _, o := range l.changes[m.id] {
		if !is(o) || o.denied() || o.top >= s.number {
			continue
		}
		if asked = o; o.effects < o.attempts-o.denials {
			o.effects++
			if o.number == 0 {
				o.number = s.number
			}
			return
		}
	}
	switch {
	case asked == nil:
		l.unexplained("message %s %s at %d, and nobody asked for it", m.id, what, s.number)
	case asked.kind == Edit:
		l.repeated("edit %s took effect twice, at %d and %d", asked.name, asked.number, s.number)
	default:
		l.repeated("op %s took effect twice, at %d and %d", asked.name, asked.number, s.number)
	}
}

// checkGranted: what was acknowledged has had its effect, and still has it unless somebody
// else changed it afterwards.
func (l *Ledger) checkGranted(o *op) {
	m := l.messages[o.about]
	if m == nil || m.op == nil || len(m.revs) == 0 {
		return // of a message that is not the fleet's, or of which nothing is known; or a mark
	}
	switch o.kind {
	case Edit:
		if o.number == 0 && !o.burnt {
			l.lost("edit %s was acknowledged, and has no effect", o.name)
		}
	case Delete:
		if m.gone == 0 {
			l.lost("op %s was acknowledged, and message %s is not deleted", o.name, m.id)
		}
	case Pin:
		if last := m.revs[len(m.revs)-1]; m.gone == 0 && o.on != (last.pinned != "") && !l.undone(o) {
			l.lost("op %s was acknowledged: on is %t; and message %s is pinned %q in the end", o.name, o.on, m.id, last.pinned)
		}
	}
}

// undone reports whether the opposite of a pin may have taken effect after it: what was
// answered as often as it went out, before this one began, did not.
func (l *Ledger) undone(o *op) bool {
	return slices.ContainsFunc(l.changes[o.about], func(other *op) bool {
		return other.kind == Pin && other.on != o.on && !other.denied() && (other.answers < other.attempts || other.granted > o.begun)
	})
}

// checkPins: no room has more pinned messages than it may have.
func (l *Ledger) checkPins() {
	pins := map[int]int{}
	for _, m := range l.messages {
		if len(m.revs) > 0 && m.revs[len(m.revs)-1].pinned != "" {
			pins[m.room]++
		}
	}
	for _, id := range sorted(pins) {
		if pins[id] > pinsMax {
			l.unexplained("room %d has %d pinned messages in the end", id, pins[id])
		}
	}
}

// mayBePinned is how many messages of a room somebody asked to pin.
func (l *Ledger) mayBePinned(room int) (n int) {
	for _, ops := range l.changes {
		if slices.ContainsFunc(ops, func(o *op) bool { return o.kind == Pin && o.on && o.room == room }) {
			n++
		}
	}
	return n
}
