package ledger

// The kinds of what a client that is run by the JavaScript library holds, with their fields. Seq
// is where the client stands, and First the number that made the oldest message that it holds. A
// message was made at Made.
const (
	Loaded Kind = "loaded" // the client's page is loaded, as for the first time: it holds nothing and knows nothing
	Reset  Kind = "reset"  // the library tells that what is held is only what has Revs; it may tell those again
	Held   Kind = "held"   // the library tells of a message, which is held from now on
	Holds  Kind = "holds"  // messages with Revs are held, in this order; More: the room has older ones; On: this is the end
	Drawn  Kind = "drawn"  // in the end a message is drawn
)

// keeping is what a client holds by a library, as that has told.
type keeping struct {
	byID  map[string]*kept
	first int64
	ended bool // it was compared in the end
}

// kept is a message that is held.
type kept struct {
	seq, rev int64
	quote    uint64
	again    bool // it may be told again, as all was begun anew
}

func (l *Ledger) applyHeld(r *Record) {
	c := l.client(r)
	if c.keeps == nil {
		c.keeps = &keeping{byID: map[string]*kept{}}
	}
	switch r.Kind {
	case Loaded:
		c.keeps = &keeping{byID: map[string]*kept{}}
		c.at, c.joined = 0, true
		l.report.Loads++
	case Reset:
		l.stand(c, r)
		c.keeps.reset(r)
	case Held:
		l.stand(c, r)
		l.held(c, r)
	case Holds:
		l.stand(c, r)
		l.holds(c, r)
	case Drawn:
		l.drawn(c, r)
	}
}

// stand moves a client to where its library says that it stands. It never goes back.
func (l *Ledger) stand(c *client, r *Record) {
	if r.Seq < c.at {
		l.lost("client %d: its library stood at %d, and then at %d", r.Client, c.at, r.Seq)
	}
	c.at = r.Seq
}

// reset lets go of all that is not held any more.
func (k *keeping) reset(r *Record) {
	still := make(map[int64]bool, len(r.Revs))
	for _, rev := range r.Revs {
		still[rev] = true
	}
	for id, m := range k.byID {
		if m.again = true; !still[m.rev] {
			delete(k.byID, id)
		}
	}
	k.first = r.First
}

// held notes that the library tells of a message: each state once, and none before another one.
func (l *Ledger) held(c *client, r *Record) {
	l.report.Held++
	k := c.keeps
	k.letGo(r.First)
	quote := l.hash(r.Quote)
	m := k.byID[r.Message]
	switch {
	case m == nil:
	case r.Rev < m.rev:
		l.reordered("client %d: its library told of message %s at %d, and then at %d", r.Client, r.Message, m.rev, r.Rev)
	case r.Rev == m.rev && !m.again && (quote == m.quote || !l.deletes(r.Reply)):
		l.repeated("client %d: its library told twice of message %s at %d", r.Client, r.Message, r.Rev)
	}
	k.byID[r.Message] = &kept{seq: r.Made, rev: r.Rev, quote: quote}
	if r.Made < r.First { // more came at once than is held
		delete(k.byID, r.Message)
	}
	l.observeHeld(c, r, m == nil)
}

// letGo forgets what stands before the oldest message that is held.
func (k *keeping) letGo(first int64) {
	if first > k.first {
		for id, m := range k.byID {
			if m.seq < first {
				delete(k.byID, id)
			}
		}
	}
	k.first = first
}

// observeHeld compares a message that is held with what others were told. Its quote is that of when it came.
func (l *Ledger) observeHeld(c *client, r *Record, news bool) {
	seen := *r
	if !news {
		seen.Type = "message_patch"
	}
	if r.Rev > l.room(r.Room).base || l.messages[r.Message] != nil {
		l.observe(&seen, r.Made, r.Rev)
	}
	c.seen.add(r.Rev)
}

// holds compares what is held with what was told: it must be the same, in the room's order, and
// nothing of the room may be missing in it.
func (l *Ledger) holds(c *client, r *Record) {
	l.report.Holds++
	k := c.keeps
	k.letGo(r.First)
	byRev := make(map[int64]*kept, len(k.byID))
	for _, m := range k.byID {
		byRev[m.rev] = m
	}
	before := int64(0)
	for _, rev := range r.Revs {
		m := byRev[rev]
		switch {
		case m == nil:
			l.lost("client %d holds what event %d left behind, of which its library has not told", r.Client, rev)
			continue
		case m.seq <= before:
			l.reordered("client %d: a message made at %d is held behind one made at %d", r.Client, m.seq, before)
		}
		before = m.seq
		delete(byRev, rev)
	}
	for rev, m := range byRev {
		l.lost("client %d: its library told what event %d left behind of the message made at %d, and does not hold it", r.Client, rev, m.seq)
	}
	v := &view{room: r.Room, client: r.Client, since: -1, seq: r.Seq, open: !r.On, at: l.clock, shown: r.Revs, held: true}
	if r.More {
		v.lowest = r.First
	}
	l.keep(v)
	l.views.size += len(v.shown)
	k.ended = k.ended || r.On
}

// drawn compares what is drawn in the end with what is held.
func (l *Ledger) drawn(c *client, r *Record) {
	m := c.keeps.byID[r.Message]
	if m == nil || m.rev != r.Rev {
		l.unexplained("client %d draws message %s at %d, of which its library has not told", r.Client, r.Message, r.Rev)
		return
	}
	l.observeHeld(c, r, false)
	if original := l.messages[r.Reply]; original != nil && original.gone != 0 && r.Deleted == "" && r.Quote != firstRunes(l.hidden) {
		l.unexplained("client %d draws message %s with a quote of what is deleted: %q", r.Client, r.Message, r.Quote)
	}
}

// checkHeld: what a client holds in the end is what the database has.
func (l *Ledger) checkHeld(id int, c *client) {
	room := l.room(c.room)
	switch {
	case !c.keeps.ended:
		l.unexplained("client %d: what its library holds in the end is not known", id)
		return
	case c.at != room.head:
		l.lost("client %d: its library stands at %d in the end, and its room at %d", id, c.at, room.head)
	}
	for name, m := range c.keeps.byID {
		if known := l.messages[name]; known != nil && known.op != nil && known.last != m.rev {
			l.lost("client %d: its library holds message %s at %d in the end, and its last change is %d", id, name, m.rev, known.last)
		}
	}
}
