package ledger

// join moves a client to where its first frame puts it.
func (l *Ledger) join(r *Record) {
	c := l.client(r)
	l.report.Joins++
	switch {
	case !c.joined:
		c.joined, c.start = true, r.Seq
	case r.Since < 0:
		l.unexplained("client %d connected again without saying where it stands", r.Client)
	case r.Seq < r.Since || (!r.More && r.Seq < c.at):
		l.lost("client %d: the room stood at %d, and after reconnecting at %d", r.Client, max(r.Since, c.at), r.Seq)
	}
	if r.Since < 0 {
		c.start = r.Seq
	}
	c.at, c.adrift = r.Seq, r.More
	c.page, c.since = 0, r.Since
}

// show notes a message of a history, a resume or a page.
func (l *Ledger) show(r *Record) {
	c := l.client(r)
	l.report.Shown++
	if r.Since >= 0 && r.Rev <= r.Since {
		l.repeated("client %d: message %s at %d came again after it asked for what is beyond %d", r.Client, r.Message, r.Rev, r.Since)
	}
	if r.Since != c.since {
		c.page, c.since = 0, r.Since
	}
	place := r.Rev
	if r.Since < 0 {
		place = r.Seq // a history is ordered by when messages were made
	}
	if place <= c.page {
		l.reordered("client %d: message %s at %d is shown after %d", r.Client, r.Message, place, c.page)
	}
	c.page = place
	if m := l.messages[r.Message]; r.Rev > l.room(r.Room).base || m != nil {
		l.observe(r, r.Seq, r.Rev)
	}
	c.seen.add(r.Rev)
}

// tell notes a live event.
func (l *Ledger) tell(r *Record) {
	c := l.client(r)
	l.report.Told++
	if c.adrift {
		c.at, c.adrift = r.Prev, false
	}
	switch {
	case r.Seq <= c.at && c.seen.has(r.Seq):
		l.repeated("client %d: event %d came again", r.Client, r.Seq)
	case r.Seq <= c.at:
		l.reordered("client %d: event %d came after %d", r.Client, r.Seq, c.at)
	case r.Prev > c.at:
		l.lost("client %d: events %d to %d did not come before %d", r.Client, c.at+1, r.Prev, r.Seq)
	}
	c.at = max(c.at, r.Seq)
	c.seen.add(r.Seq)
	l.observe(&Record{Kind: Told, Room: r.Room, Client: r.Client, Op: r.Op, Message: r.Message, Content: r.Content, Rev: r.Seq}, r.Made, r.Seq)
}

// readBack notes a message as the store has it at the end.
func (l *Ledger) readBack(r *Record) {
	m := l.observe(r, r.Seq, r.Rev)
	if _, twice := m.readBy(r.Way); twice {
		l.repeated("message %s was read back twice by %s", m.id, r.Way)
	}
	m.read = append(m.read, reading{r.Way, r.Rev})
}

// readBy returns the rev with which the message was read back in one way.
func (m *message) readBy(way string) (rev int64, found bool) {
	for _, r := range m.read {
		if r.way == way {
			return r.rev, true
		}
	}
	return 0, false
}
