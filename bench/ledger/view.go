package ledger

// view is a stretch of a room as one client was made to see it by one answer: a
// history, a resume, a page, or a live event that says that it comes after an
// older number than the one before it. It must hold the present state of every
// message that was made or changed in the stretch.
type view struct {
	room   int
	client int
	since  int64   // the stretch begins after it; negative: a history
	seq    int64   // and ends with it
	open   bool    // the answer was read later than at seq, nobody knows when
	at     int64   // the clock when it came
	shown  []int64 // the revs of its messages
	lowest int64   // the number that made its first message; zero: it has none
	live   bool
	held   bool // it is what a library holds, from its oldest message on
	limit  int  // of messages, which the client asked for; zero: none
}

// views are those not judged yet, in the order in which they came. They wait,
// because some of their numbers become known by what others see a moment later.
type views struct {
	waiting []*view
	size    int
	max     int // of size
	longest int // messages in a history, the most so far
}

// viewsMax is how many numbers the views that wait may hold. Beyond it the oldest
// is judged by what is known by then, which is minutes later.
const (
	viewsMax  = 1 << 19
	viewItems = 16 // what a view takes besides, as numbers
)

func (v *views) add(to *view, rev int64) {
	to.shown = append(to.shown, rev)
	v.size++
	if to.since < 0 {
		v.longest = max(v.longest, len(to.shown))
	}
}

// open begins the view of a client's next list of messages.
func (l *Ledger) open(c *client, r *Record, more bool) {
	c.page = 0
	c.view = &view{room: r.Room, client: r.Client, since: r.Since, seq: r.Seq, open: more, at: l.clock, limit: r.Limit}
	l.keep(c.view)
}

// skipped notes that a live event comes after an older number than seq-1: those
// between must have been superseded.
func (l *Ledger) skipped(c *client, r *Record, since int64) {
	v := &view{room: c.room, client: r.Client, since: since, seq: r.Seq, open: true, at: l.clock, live: true}
	l.keep(v)
	l.views.add(v, r.Seq)
}

func (l *Ledger) keep(v *view) {
	l.views.waiting = append(l.views.waiting, v)
	l.views.size += viewItems
	for l.views.size > l.views.max && len(l.views.waiting) > 1 {
		l.judgeOldest()
	}
}

func (l *Ledger) judgeOldest() {
	v := l.views.waiting[0]
	l.views.waiting[0] = nil
	l.views.waiting = l.views.waiting[1:]
	l.views.size -= viewItems + len(v.shown)
	l.judge(v)
}

// judge checks that a view is complete and up to date, as far as the room's
// events are known. A history begins with its oldest message, or, where it has
// fewer than the longest one, or than were asked for, at the room's beginning.
func (l *Ledger) judge(v *view) {
	room := l.room(v.room)
	shown := make(map[*message]int64, len(v.shown))
	for _, rev := range v.shown {
		if m := room.events[rev]; m != nil {
			shown[m] = rev
		}
	}
	from, made := max(v.since, room.base), int64(0) // what was made before is not of the list
	if v.held {
		from, made = max(from, v.lowest-1), v.lowest
	} else if v.since < 0 && (len(v.shown) >= l.views.longest || (v.limit > 0 && len(v.shown) >= v.limit)) {
		from, made = max(from, v.lowest-1), v.lowest
	}
	for n := from + 1; n <= v.seq; n++ {
		m := room.events[n]
		if m == nil || m.seq < made || (v.since < 0 && m.seq <= room.base) || shown[m] >= n {
			continue
		}
		if v.open && (shown[m] == 0 || v.held) && l.superseded(m, n, v.at) {
			continue
		}
		l.lost("client %d: event %d of message %s is missing in %s", v.client, n, m.id, v.name())
	}
}

func (v *view) name() string {
	switch {
	case v.live:
		return "what it was told"
	case v.held:
		return "what its library holds"
	case v.since < 0:
		return "its history"
	}
	return "what it resumed with"
}

// superseded reports whether another event of a message may have taken the place
// of event n before the clock stood at at.
func (l *Ledger) superseded(m *message, n, at int64) bool {
	if begun, replied := l.replied[m.id]; replied && begun < at {
		return true // by a summary
	}
	for _, o := range l.changes[m.id] {
		if o.begun < at && !o.denied() && (o.number == 0 || o.number > n || o.attempts > 1 || o.kind == Pin) {
			return true
		}
	}
	return false
}
