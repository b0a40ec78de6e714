package ledger

// The kinds of what is told of memberships, each of Sender in Room. The records stand around the
// writes: before the first two and after them, before the last two and after them.
const (
	Leaves  Kind = "leaves"  // from now on the user may be no member
	Gone    Kind = "gone"    // and is none
	Returns Kind = "returns" // from now on the user may be a member again
	Back    Kind = "back"    // and is one
)

// membership is where a user stands whose membership of a room was taken away once at least.
type membership struct {
	stage Kind
	since int64 // the clock of it
}

func (l *Ledger) moveMember(r *Record) {
	l.memberships[placeOf{r.Room, r.Sender}] = membership{r.Kind, l.clock}
	if r.Kind == Leaves {
		l.report.Removed++
	}
}

// mayBeOutside reports whether a user may have been no member of a room at some time since.
func (l *Ledger) mayBeOutside(room int, user string, since int64) bool {
	m, moved := l.memberships[placeOf{room, user}]
	return moved && (m.stage != Back || m.since >= since)
}

// isOutside reports whether a user was no member of a room at any time since.
func (l *Ledger) isOutside(room int, user string, since int64) bool {
	m := l.memberships[placeOf{room, user}]
	return m.stage == Gone && m.since <= since
}

// shutsOut reports whether a code says that somebody is no member.
func shutsOut(code string) bool {
	return code == "forbidden" || code == "not_found" || code == "not_subscribed"
}

// turnedOut notes that a connection or a subscription was ended with 4003. False: there is no
// reason. A look at who may stay that began before the connection may end it.
func (l *Ledger) turnedOut(r *Record) bool {
	if !l.mayBeOutside(r.Room, r.Sender, l.client(r).cameBefore) {
		return false
	}
	l.report.TurnedOut++
	return true
}
