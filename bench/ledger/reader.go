package ledger

import "time"

// reader is a client that may see a history that is lost.
type reader struct {
	h    *Histories
	id   int
	room *divided

	list   []*Record // an answer that is not complete yet: what it is, and what it shows
	unsure []*Record // what may be of either history, until the client sees more

	lost   *fork // of which it has seen something, and has not been told; nil: of none
	number int64 // what it saw last of it
	anew   bool  // it was told to begin anew, and has not yet
	newer  *fork // on this connection it has seen what took the place of something lost; nil: nothing

	fetches time.Time // since when it fetches pages, of which there are more; zero: it does not
	taken   bool      // it came back with a lost event, and what took its place is about the same message
	early   bool      // what it has seen of a lost history came live meanwhile, and is kept apart
}

func (h *Histories) client(r *Record) *reader {
	c := h.clients[r.Client]
	if c == nil {
		c = &reader{h: h, id: r.Client, room: h.room(r.Room)}
		h.clients[r.Client] = c
	}
	return c
}

// follow takes the next of what the client sees. A list comes as one record, and one of
// each message that it shows.
func (c *reader) follow(r *Record) {
	if r.Kind == Shown {
		c.list = append(c.list, r)
		return
	}
	c.complete()
	switch r.Kind {
	case Joined, Paged:
		c.list = []*Record{r}
	case Told:
		c.hear(r)
	case Due:
		c.due(r)
	case Anew:
		c.beginAnew(r)
	case Ended:
		c.ended(r)
	default: // where it is in the end
		if r.Kind == Stays && c.lost != nil {
			c.h.ledger.lost("client %d has seen event %d, which fail-over %d lost, and was never told so", c.id, c.number, c.lost.failOver)
		}
		c.h.ledger.Apply(r)
	}
}

// close judges what is left in the end.
func (c *reader) close() {
	c.complete()
	c.release()
}

// complete judges a list.
func (c *reader) complete() {
	list := c.list
	c.list = nil
	if len(list) == 0 {
		return
	}
	head := list[0]
	if head.Kind == Joined {
		if c.early { // and was forgotten with the connection
			c.lost, c.early = nil, false
		}
		c.newer = nil
		if head.Since < 0 { // it has forgotten all
			if c.anew {
				c.h.ledger.client(head).heard = 0
			}
			c.lost, c.anew, c.unsure = nil, false, nil
		}
	}
	c.tear(head)
	var lost, newer *fork
	for _, r := range list[1:] {
		f, either := c.room.of(r)
		if f != nil {
			lost = f
			c.h.sees(r, f)
			c.number = max(r.Rev, r.Seq)
		} else if f := c.room.beyond(r.Rev); f != nil && !either {
			newer = f
		}
	}
	if f := c.room.ahead(head.Seq); f != nil && lost == nil {
		lost, c.number = f, head.Seq
	}
	if lost != nil && newer != nil && lost.failOver <= newer.failOver {
		c.h.ledger.lost("client %d was shown two histories of its room in one list that ends at %d", c.id, head.Seq)
	}
	c.place(list, lost, newer)
}

// tear notes what a client may lack that has fetched pages, and goes on: a message that a
// lost event moved to a later page is on none of those that it gets from the new primary.
func (c *reader) tear(head *Record) {
	account := c.h.ledger.client(head)
	if head.Since < 0 {
		c.fetches, account.torn = time.Time{}, nil
	}
	if !c.fetches.IsZero() { // this page is not its first
		for _, f := range c.room.forks {
			if !f.begun || c.fetches.After(f.over) {
				continue
			}
			for _, e := range f.lost {
				if account.torn == nil {
					account.torn = map[string]bool{}
				}
				account.torn[e.message] = true
			}
		}
	}
	switch {
	case !head.More:
		c.fetches, c.early = time.Time{}, false
	case c.fetches.IsZero():
		c.fetches = head.At
	}
}

// ahead returns the fork that a number of the present history is already beyond.
func (d *divided) ahead(number int64) *fork {
	for _, f := range d.forks {
		if !f.begun {
			if number > f.from && len(f.lost) > 0 {
				return f
			}
			return nil
		}
	}
	return nil
}

// beyond returns the last fork that a number of the standing history is beyond, of those
// that lost the same number.
func (d *divided) beyond(number int64) (last *fork) {
	for _, f := range d.forks {
		if f.begun && number > f.from && number <= f.top {
			last = f
		}
	}
	return last
}

// place decides by what a client sees in which history it is.
func (c *reader) place(seen []*Record, lost, newer *fork) {
	switch {
	case c.anew:
	case lost != nil:
		c.lost, c.unsure, c.taken = lost, nil, false
	case c.lost != nil && newer == nil && seen[0].Seq <= c.lost.top:
		// It is where it was: nothing new has come. But it may have been taken for one that has
		// what took the place of its last event.
		c.taken = seen[0].Kind != Told && c.room.alike(seen[0].Since, c.lost) || seen[0].Kind == Told && c.taken
	case c.lost != nil:
		switch {
		case seen[0].Kind != Told && seen[0].Last == "" && seen[0].Since >= 0:
			// It did not say what it has, so nobody can tell it.
		case seen[0].Kind != Told && c.room.alike(seen[0].Since, c.lost), seen[0].Kind == Told && c.taken:
			c.h.ledger.report.Alike++ // nor by what it said
		default:
			c.h.ledger.lost("client %d had seen event %d, which fail-over %d lost, and went on at %d without being told so", c.id, c.number, c.lost.failOver, seen[0].Seq)
		}
		c.lost, c.anew = nil, true
	case newer == nil && c.room.beyond(seen[0].Seq) != nil:
		c.unsure = append(c.unsure, seen...) // by its number alone it may be of either
	default:
		if newer != nil {
			c.newer = newer
		}
		c.release()
		for _, r := range seen {
			c.h.ledger.Apply(r)
		}
	}
}

// alike reports whether a lost event and the one that has its number now changed the same
// message. A client says of its last event which message it was about, and no more.
func (d *divided) alike(number int64, f *fork) bool {
	was, is := f.lost[number], d.stands[number]
	return was.message != "" && was.message == is.message
}

// release gives to the ledger what turned out to be of the history that stands.
func (c *reader) release() {
	unsure := c.unsure
	c.unsure = nil
	for _, r := range unsure {
		c.h.ledger.Apply(r)
	}
}

// hear notes a live event.
func (c *reader) hear(r *Record) {
	lost, either := c.room.of(r)
	var newer *fork
	switch {
	case lost != nil && c.skips(r): // a hole is before it: the client does not take it, and asks again
		return
	case either:
	case lost == nil:
		newer = c.room.beyond(r.Seq)
	default:
		c.h.sees(r, lost)
		c.early = c.early || c.lost == nil && !c.fetches.IsZero()
		if c.newer != nil && !c.anew && lost.failOver <= c.newer.failOver {
			c.h.ledger.lost("client %d was told event %d, which fail-over %d lost, after what took its place", c.id, r.Seq, lost.failOver)
		}
		c.number = r.Seq
	}
	c.place([]*Record{r}, lost, newer)
}

// skips reports whether a live event comes before what the client must have first.
func (c *reader) skips(r *Record) bool {
	if c.lost != nil || c.anew || len(c.unsure) > 0 { // where it stands, the account does not say
		return false
	}
	at := c.h.ledger.client(r)
	return r.Prev > max(at.at, at.paged)
}

// due leaves out a number that somebody on the old primary gave.
func (c *reader) due(r *Record) {
	if c.lost != nil || c.anew {
		return
	}
	for _, f := range c.room.forks {
		if f.begun && r.Seq > f.from && r.Seq <= f.top && r.At.Before(f.over.Add(lateDue)) {
			return
		}
	}
	c.place([]*Record{r}, nil, c.room.beyond(r.Seq))
}

// beginAnew notes that a client was told to forget all.
func (c *reader) beginAnew(r *Record) {
	c.h.ledger.report.Anew++
	if r.Alive {
		p := place{r.Node, r.Room}
		c.h.told[p] = append(c.h.told[p], r.At)
	}
	if !c.room.lostSome() {
		c.h.ledger.unexplained("client %d was told to begin anew, and its room had lost nothing", c.id)
	}
	c.lost, c.anew, c.unsure = nil, true, nil
}

// lostSome reports whether a room has lost something by now.
func (d *divided) lostSome() bool {
	for _, f := range d.forks {
		if f.begun && len(f.lost) > 0 {
			return true
		}
	}
	return false
}

// parts reports whether a room has two histories at a time: since its fork, and until
// shortly after the old primary's end.
func (d *divided) parts(at time.Time) bool {
	for _, f := range d.forks {
		if f.begun && len(f.lost) > 0 && !at.After(f.over.Add(lateDue)) {
			return true
		}
	}
	return false
}

// ended notes the end of a connection, which a loss explains.
func (c *reader) ended(r *Record) {
	if r.Code == "1012" && (c.anew || c.lost != nil || c.room.parts(r.At)) {
		explained := *r
		explained.Alive = false
		r = &explained
	}
	c.h.ledger.Apply(r)
}
