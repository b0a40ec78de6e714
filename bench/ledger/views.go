package ledger

// join moves a client to where its first frame puts it.
func (l *Ledger) join(r *Record) {
	c, room := l.client(r), l.room(r.Room)
	l.report.Joins++
	c.joins, c.rank, c.ranked = c.joins+1, 0, false
	c.cameBefore, c.came = c.came, l.clock
	if r.Outside {
		l.unexplained("client %d: it was let in, and its user was no member of room %d when it asked", r.Client, r.Room)
	}
	switch {
	case r.Since < 0:
		// Who does not say where it stands may get a history from memory, which is
		// as of the last event that its server has told. What was read from the
		// store may be ahead of that for a moment, and so may another server.
		if r.Seq < c.heard && room.nodes <= 1 {
			l.lost("client %d knew of event %d, and the room stood at %d when it connected", r.Client, c.heard, r.Seq)
		}
		c.start, c.seen = r.Seq, numbers{base: room.base}
	case (r.Seq < r.Since || (!r.More && r.Seq < max(c.known, c.at))) && !l.behind(r):
		l.lost("client %d: the room stood at %d, and after reconnecting at %d", r.Client, max(r.Since, c.known, c.at), r.Seq)
	case r.Prev != r.Since:
		l.lost("client %d: it asked for what is beyond %d, and got what is beyond %d", r.Client, r.Since, r.Prev)
	case !c.joined:
		c.start = r.Since
	}
	c.joined = true
	c.at, c.paged, c.live = r.Seq, 0, 0
	c.adrift, c.paging, c.whole = r.More, r.More, false
	if !r.More {
		c.known = max(c.known, r.Seq)
	}
	l.open(c, r, r.More)
}

// turn moves a client to where a page puts it. A page may come late, but one
// that leads on must not end before what the client knew when it asked; a client
// that is connected may have learnt of more while it waited for the page.
func (l *Ledger) turn(r *Record) {
	c := l.client(r)
	l.report.Joins++
	switch {
	case r.Seq < r.Since || (r.More && r.Seq == r.Since):
		l.lost("client %d: the page after %d ends at %d", r.Client, r.Since, r.Seq)
	case !r.More && !c.paging && r.Seq > r.Since && r.Seq < c.known && !l.behind(r):
		l.lost("client %d knew of event %d, and a page says that the room stands at %d", r.Client, c.known, r.Seq)
	case !r.More && c.paging && r.Seq < c.live:
		l.lost("client %d: its pages end at %d, and live events went on after %d", r.Client, r.Seq, c.live)
	}
	c.paged, c.whole = max(c.paged, r.Seq), c.whole || !r.More
	if !r.More {
		c.known = max(c.known, r.Seq)
	}
	l.open(c, r, r.More)
}

// show notes a message of a history, a resume or a page.
func (l *Ledger) show(r *Record) {
	c := l.client(r)
	l.report.Shown++
	if r.Since >= 0 && r.Rev <= r.Since {
		l.repeated("client %d: message %s at %d came again after it asked for what is beyond %d", r.Client, r.Message, r.Rev, r.Since)
	}
	place := r.Rev
	if r.Since < 0 {
		place = r.Seq // a history is ordered by when messages were made
	}
	if place <= c.page {
		l.reordered("client %d: message %s at %d is shown after %d", r.Client, r.Message, place, c.page)
	}
	c.page = place
	if r.Rev > c.view.seq {
		l.reordered("client %d: message %s is shown at %d in a list that ends at %d", r.Client, r.Message, r.Rev, c.view.seq)
	}
	if m := l.messages[r.Message]; r.Rev > l.room(r.Room).base || m != nil {
		l.observe(r, r.Seq, r.Rev)
	}
	c.seen.add(r.Rev)
	l.views.add(c.view, r.Rev)
	if c.view.lowest == 0 {
		c.view.lowest = r.Seq
	}
}

// tell notes a live event.
func (l *Ledger) tell(r *Record) {
	c := l.client(r)
	l.report.Told++
	if c.adrift {
		c.at, c.live, c.adrift = r.Prev, r.Prev, false
		if c.whole && r.Prev > c.paged {
			l.lost("client %d: its pages ended at %d, and live events go on after %d", r.Client, c.paged, r.Prev)
		}
	}
	switch {
	case r.Seq <= c.at && c.seen.has(r.Seq):
		l.repeated("client %d: event %d came again", r.Client, r.Seq)
	case r.Seq <= c.at:
		l.reordered("client %d: event %d came after %d", r.Client, r.Seq, c.at)
	case r.Prev > c.at:
		l.lost("client %d: events %d to %d did not come before %d", r.Client, c.at+1, r.Prev, r.Seq)
	case r.Seq > max(r.Prev, c.at)+1:
		l.skipped(c, r, max(r.Prev, c.at))
	}
	if r.Rev < r.Seq {
		l.unexplained("client %d: event %d tells a message at %d", r.Client, r.Seq, r.Rev)
	}
	l.telling(c, r)
	c.at, c.known, c.heard = max(c.at, r.Seq), max(c.known, r.Seq), max(c.heard, r.Seq)
	c.seen.add(r.Seq)
	c.seen.add(r.Rev)
}

// telling notes what a live event tells of its message.
func (l *Ledger) telling(c *client, r *Record) {
	if r.Bare {
		l.bare = append(l.bare, r)
		return
	}
	news := !l.has(c, l.messages[r.Message])
	seen := *r
	seen.Rev = max(r.Rev, r.Seq) // a node that caught up tells a message as it is now
	m := l.observe(&seen, r.Made, seen.Rev)
	l.place(m, r.Seq)
	if r.Seq > c.at {
		l.typed(c, m, r, news)
	}
	l.hint(m, r)
}

// has reports whether a client has seen a message in any state.
func (l *Ledger) has(c *client, m *message) bool {
	if m == nil {
		return false
	}
	for _, s := range m.revs {
		if c.seen.has(s.number) {
			return true
		}
	}
	return false
}

// typed checks the type of a live frame: a message that is news to the client is
// a chat_message, whatever changed it meanwhile; another one was edited. While a
// client fetches pages, live events run ahead of what it has.
func (l *Ledger) typed(c *client, m *message, r *Record, news bool) {
	if m.op == nil || c.paging || r.Seq <= c.again {
		return
	}
	want := "message_edited"
	if news && r.Made > c.start {
		want = "chat_message"
	} else if r.Version >= 2 && r.Type == "message_patch" {
		want = r.Type
	}
	if r.Type != want {
		l.unexplained("client %d: event %d of message %s, made at %d, came as %s and not as %s", r.Client, r.Seq, m.id, r.Made, r.Type, want)
	}
}

// due checks that a connection which lives has told what it had to by now.
func (l *Ledger) due(r *Record) {
	c := l.client(r)
	l.report.Due++
	if at := max(c.at, c.paged); at < r.Seq {
		l.lost("client %d: its connection lives, and told nothing of events %d to %d", r.Client, at+1, r.Seq)
	}
}

// end notes that a client's connection was ended. Only the end of its server
// ends one: with 1012 if it is asked to stop, without a word (1006) otherwise. Or the end of
// its token, which says whole seconds.
func (l *Ledger) end(r *Record) {
	const tokenExact = 2000
	l.report.Ended[r.Code]++
	if r.Code == "4001" && r.Token && r.After > -tokenExact {
		return
	}
	if r.Code == "4003" && l.turnedOut(r) {
		return
	}
	if r.Alive || (r.Code != "1006" && r.Code != "1012") {
		code := r.Code
		if r.Why != "" {
			code += " (" + r.Why + ")"
		}
		l.unexplained("client %d: its connection was ended with %s, %s", r.Client, code, whyEnded(r))
	}
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
