package ledger

import (
	"slices"
	"time"
)

// Histories is the ledger of a run in which fail-overs may lose events: where replication
// is asynchronous, an old primary may have events that the new one has not, and their
// numbers are given again to others. It knows from both servers which event belongs to
// which history. What is of a history that was lost it judges by itself: whoever saw
// something of it must be told to begin anew before they see what has taken its place,
// and nobody may be told of it by a server that must know better. All else it gives to a
// Ledger, which judges the one history that stands as if there were no other.
//
// First comes what the servers have (Learn), then all records in their order (Apply).
type Histories struct {
	ledger  *Ledger
	rooms   map[int]*divided
	clients map[int]*reader
	known   map[knows]int64 // after so many records
	records int64
	noticed map[place]bool
	told    map[place][]time.Time // when members of a room on a node were told to begin anew
	left    map[int][]time.Time   // when a node was ended
	refers  map[string]string     // op to the message that it answers or edits, of one history only
	begun   map[string]time.Time  // op to when it went out first
	dropped map[string]bool       // ops that change what was lost, and marks
	deaf    []silence
	learned bool // what the servers have
}

// silence is a time in which what an old primary stored did not reach the new one.
type silence struct{ from, to time.Time }

// place is a room on a node, and knows a fail-over of which a node must know.
type (
	place struct{ node, room int }
	knows struct{ node, failOver int }
)

// divided is a room with its histories.
type divided struct {
	stands map[int64]event
	forks  []*fork         // in the order of the fail-overs
	made   map[string]bool // messages that were made in the history that stands, beyond the first fork
	undone map[string]bool // messages that were made in a lost one
}

// fork is where a fail-over divided a room.
type fork struct {
	failOver int
	from     int64 // both histories have this number, and none beyond
	top      int64 // the lost one's last number
	lost     map[int64]event
	seen     map[int64]bool // of the lost ones
	begun    bool
	first    int64     // when the first of the lost events was stored, in Unix microseconds
	over     time.Time // when the old primary was ended
}

// lateDue is how long after the old primary's end a member may still wait for a number of its.
const lateDue = time.Minute

// lateAck is how long after the old primary's end an answer of its may still arrive.
const lateAck = 10 * time.Second

// NewHistories returns an empty ledger.
func NewHistories() *Histories {
	return &Histories{
		ledger: New(), rooms: map[int]*divided{}, clients: map[int]*reader{}, known: map[knows]int64{},
		noticed: map[place]bool{}, told: map[place][]time.Time{}, left: map[int][]time.Time{},
		refers: map[string]string{}, begun: map[string]time.Time{}, dropped: map[string]bool{},
	}
}

// OfFailOvers reports whether a record is one that Learn takes.
func (k Kind) OfFailOvers() bool {
	switch k {
	case Deaf, Over, Forked, Undone, Stands, Known, Noticed, Left:
		return true
	}
	return false
}

// Learn takes a record of what a server has, in the order in which they were noted.
func (h *Histories) Learn(r *Record) {
	room := h.room(r.Room)
	switch r.Kind {
	case Deaf:
		h.deaf = append(h.deaf, silence{from: r.At})
	case Over:
		if n := len(h.deaf); n > 0 && h.deaf[n-1].to.IsZero() {
			h.deaf[n-1].to = r.At
		}
	case Forked:
		room.forks = append(room.forks, &fork{failOver: r.FailOver, from: r.Seq, top: r.Seq, lost: map[int64]event{}, seen: map[int64]bool{}})
	case Undone:
		f := room.fork(r.FailOver)
		f.lost[r.Seq], f.over = eventOf(r), r.At
	case Stands:
		room.stands[r.Seq] = eventOf(r)
		room.made[r.Message] = room.made[r.Message] || r.Made == r.Seq
	case Noticed:
		h.noticed[place{r.Node, r.Room}] = true
	case Left:
		h.left[r.Node] = append(h.left[r.Node], r.At)
	}
}

// divide settles where each fail-over divided a room, once all is known that the servers
// have. The number at which a standby stood was read before it took over, and it may have
// had more on its way by then: what both histories have is not lost.
func (h *Histories) divide() {
	h.learned = true
	overs := map[int]bool{}
	for _, room := range h.rooms {
		for i, f := range room.forks {
			for ; room.keeps(f.lost[f.from+1], f.from+1, room.forks[i+1:]); f.from++ {
				delete(f.lost, f.from+1)
			}
			f.top = f.from
			for number, e := range f.lost {
				if f.top = max(f.top, number); f.first == 0 || e.at < f.first {
					f.first = e.at
				}
				room.undone[e.message] = room.undone[e.message] || e.how == made
			}
			h.ledger.report.Undone += int64(len(f.lost))
			if len(f.lost) > 0 {
				overs[f.failOver] = true
			}
		}
	}
	h.ledger.report.FailOvers = int64(len(overs))
}

// keeps reports whether an event is in the history that goes on, at least until a later
// fail-over.
func (d *divided) keeps(e event, number int64, later []*fork) bool {
	return e.message != "" && (d.stands[number] == e || slices.ContainsFunc(later, func(f *fork) bool { return f.lost[number] == e }))
}

func (h *Histories) room(id int) *divided {
	room := h.rooms[id]
	if room == nil {
		room = &divided{stands: map[int64]event{}, made: map[string]bool{}, undone: map[string]bool{}}
		h.rooms[id] = room
	}
	return room
}

func (d *divided) fork(failOver int) *fork {
	for _, f := range d.forks {
		if f.failOver == failOver {
			return f
		}
	}
	f := &fork{failOver: failOver, lost: map[int64]event{}, seen: map[int64]bool{}}
	d.forks = append(d.forks, f)
	return f
}

// mayLose reports whether what was stored between two times may be lost.
func (d *divided) mayLose(from, to time.Time) bool {
	for _, f := range d.forks {
		if len(f.lost) > 0 && to.UnixMicro() >= f.first && !from.After(f.over) {
			return true
		}
	}
	return false
}

// mayForget reports whether a reaction that was stored at a time may be lost. It has no number,
// so that no log tells of it.
func (h *Histories) mayForget(at time.Time) bool {
	return slices.ContainsFunc(h.deaf, func(s silence) bool {
		return !at.Before(s.from) && (s.to.IsZero() || !at.After(s.to.Add(lateAck)))
	})
}

// Apply adds a record.
func (h *Histories) Apply(r *Record) {
	if !h.learned {
		h.divide()
	}
	room := h.room(r.Room)
	h.records++
	r.place = h.records
	switch r.Kind {
	case Forked:
		room.fork(r.FailOver).begun = true
	case Known:
		h.known[knows{r.Node, r.FailOver}] = h.records
	case Deaf, Over, Promoted, Undone, Stands, Noticed, Left:
	case Own, Further, ReadBy, Marked, RoleTold, Seen, Chosen: // marks and roles may be lost like all else, and lists may be of either history
	case Begin, Read, End, Unsettled, Role, Row, Listed:
		h.ledger.Apply(r)
	case Send, Edit, Delete, Pin, React, Mark, Auth, Resend, Refused, Cut, Silent, Acked, Granted:
		c := h.client(r)
		c.complete()
		h.asked(r, room, c)
	default:
		h.client(r).follow(r)
	}
}

// Check closes the account and returns the report. No record may follow.
func (h *Histories) Check() *Report {
	if !h.learned {
		h.divide()
	}
	report := &h.ledger.report
	for _, id := range sorted(h.clients) {
		h.clients[id].close()
	}
	for p, when := range h.told {
		if !h.noticed[p] && slices.ContainsFunc(when, func(at time.Time) bool { return !h.endedThen(p.node, at) }) {
			h.ledger.unexplained("server %d told members of room %d to begin anew, and did not tell its operator", p.node, p.room)
		}
	}
	for _, room := range h.rooms {
		for _, f := range room.forks {
			report.UndoneFor += int64(len(f.seen))
		}
	}
	return h.ledger.Check()
}

// logWithin is how soon a server tells its operator what it has told members, if it is
// not ended.
const logWithin = 3 * time.Second

// endedThen reports whether a server was ended about when it told members something.
func (h *Histories) endedThen(node int, at time.Time) bool {
	return slices.ContainsFunc(h.left[node], func(left time.Time) bool { return left.Sub(at).Abs() < logWithin })
}

// of finds in which history the message of a record is, as the record shows it: nil in
// the one that stands, or in none, which is for the ledger to say. Where both have such an
// event at that number it may be of either; so it is with one that was stored on the old
// primary and, since that was not known, on the new one too, and got the same number.
func (d *divided) of(r *Record) (lost *fork, either bool) {
	number := max(r.Rev, r.Seq)
	for _, f := range d.forks {
		switch e := f.lost[number]; e.shownBy(r) {
		case certain:
			if e == d.stands[number] {
				return nil, true
			}
			return f, false
		case possible:
			if f.over.IsZero() || !r.At.After(f.over.Add(lateAck)) {
				lost = f
			}
		case other:
		}
	}
	switch d.stands[number].shownBy(r) {
	case certain:
		return nil, false
	case possible:
		return nil, lost != nil
	case other:
	}
	return lost, false
}

// mustKnow reports whether the server that said something had to know of a fail-over.
func (h *Histories) mustKnow(r *Record, f *fork) bool {
	since, ever := h.known[knows{r.Node, f.failOver}]
	return ever && r.place > since
}

// sees notes that somebody saw an event of a lost history, from a node.
func (h *Histories) sees(r *Record, f *fork) {
	number := max(r.Rev, r.Seq)
	f.seen[number] = true
	if h.mustKnow(r, f) {
		h.ledger.unexplained("client %d: server %d told event %d of room %d, of the primary before fail-over %d, of which it must have known", r.Client, r.Node, number, r.Room, f.failOver)
	}
	for _, op := range []string{r.Op, NameIn(r.Content)} {
		h.ledger.Apply(&Record{Kind: forfeited, Room: r.Room, Client: r.Client, Op: op})
	}
}

// asked notes what a client asks for, and how it is answered.
func (h *Histories) asked(r *Record, room *divided, c *reader) {
	switch r.Kind {
	case Send, Edit, Delete, Pin, React, Mark, Auth:
		h.begin(r, room)
	case Granted:
		if o := h.ledger.ops[r.Op]; room.mayLose(h.begun[r.Op], r.At) || (o != nil && o.kind == React && h.mayForget(r.At)) {
			h.ledger.Apply(&Record{Kind: forfeited, Room: r.Room, Client: r.Client, Op: r.Op})
			r = &Record{At: r.At, Kind: Cut, Room: r.Room, Client: r.Client, Op: r.Op}
		}
	case Acked:
		if f, _ := room.of(r); f != nil {
			h.sees(r, f)
			r = &Record{At: r.At, Kind: Cut, Room: r.Room, Client: r.Client, Op: r.Op}
		}
	case Refused:
		r = h.excuse(r, room)
	}
	switch {
	case h.dropped[r.Op]:
	case r.Kind == Acked && len(c.unsure) > 0:
		c.unsure = append(c.unsure, r)
	default:
		h.ledger.Apply(r)
	}
}

// begin notes which op is about a message that only one history has, and which is about
// nothing that is judged.
func (h *Histories) begin(r *Record, room *divided) {
	h.begun[r.Op] = r.At
	about := r.Reply
	if r.Kind != Send {
		about = r.Message
		h.dropped[r.Op] = r.Kind == Mark || (room.undone[about] && !room.made[about])
	}
	if about != "" && (room.undone[about] || room.made[about]) {
		h.refers[r.Op] = about
	}
}

// excuse says that there is a reason for a refusal: the server has not the message that
// the op is about, because it is lost, or because the server is still on the old primary.
func (h *Histories) excuse(r *Record, room *divided) *Record {
	about := h.refers[r.Op]
	if about == "" || (r.Code != "invalid_reply" && r.Code != "not_found") {
		return r
	}
	excused := *r
	if excused.excused = !room.made[about] || h.mayBeBehind(r, room); excused.excused {
		h.ledger.Apply(&Record{Kind: forfeited, Room: r.Room, Client: r.Client, Op: r.Op})
	}
	return &excused
}

// mayBeBehind reports whether the server that said something may be on an old primary.
func (h *Histories) mayBeBehind(r *Record, room *divided) bool {
	for _, f := range room.forks {
		if f.begun && !r.At.After(f.over) && !h.mustKnow(r, f) {
			return true
		}
	}
	return false
}
