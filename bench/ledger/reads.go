package ledger

// The kinds of what is told of read marks beside Own, with their fields. Notices of several
// servers may cross on their way: a lesser value that comes later is no fault of theirs, as a
// client keeps the greatest.
const (
	Further Kind = "further" // on its connection the client is told that its user has read up to Seq on another one
	ReadBy  Kind = "read_by" // the client is told that Sender has read up to Seq
	Marked  Kind = "marked"  // in the end the client's user has read up to Seq; Version 2: the client had said again what its server did not know
)

// clientMarks is how far a client's user has read.
type clientMarks struct {
	id    int
	mark  int64 // as the client was told when it connected, or acknowledged
	asked int64 // the greatest that it asked for
	shown int64 // the greatest that it or another client was told of, at any time
}

func (l *Ledger) applyReads(r *Record) {
	switch r.Kind {
	case Further:
		l.further(r)
	case ReadBy:
		l.readBy(r)
	case Marked:
		l.marked(r)
	}
}

// checkAsked: nobody is told of more than the user has ever asked for.
func (l *Ledger) checkAsked(r *Record, of *client) bool {
	if asked := max(of.asked, l.room(r.Room).base); r.Seq > asked {
		l.unexplained("client %d is told that client %d has read up to %d, which has asked for %d at most", r.Client, of.id, r.Seq, asked)
		return false
	}
	return true
}

// further notes that a client hears of its own user.
func (l *Ledger) further(r *Record) {
	c := l.client(r)
	if l.checkAsked(r, c) {
		c.shown = max(c.shown, r.Seq)
	}
}

// readBy notes that a client hears of somebody: of what was read before the run, or by a client
// that has asked for it.
func (l *Ledger) readBy(r *Record) {
	of := l.readers[placeOf{r.Room, r.Sender}]
	switch {
	case of == nil && r.Seq > l.room(r.Room).base:
		l.unexplained("client %d is told that %s has read up to %d, who has not", r.Client, r.Sender, r.Seq)
	case of != nil && l.checkAsked(r, of):
		of.shown = max(of.shown, r.Seq)
	}
}

// marked notes where a mark is in the end: not before what anybody was told of it, and where the
// client has seen to it, where the client had it.
func (l *Ledger) marked(r *Record) {
	c := l.client(r)
	switch most := max(c.mark, c.shown); {
	case r.Seq < most:
		l.lost("client %d: its mark was at %d, and is at %d in the end", r.Client, most, r.Seq)
	case r.Version >= 2 && r.Seq < min(c.asked, l.room(r.Room).top):
		l.lost("client %d: it has said again that it has read up to %d, and its mark is at %d in the end", r.Client, c.asked, r.Seq)
	}
	if asked := max(c.asked, l.room(r.Room).base); r.Seq > asked {
		l.unexplained("client %d: its mark is at %d in the end, and it has asked for %d at most", r.Client, r.Seq, asked)
	}
}

// placeOf is who reads a room.
type placeOf struct {
	room int
	user string
}
