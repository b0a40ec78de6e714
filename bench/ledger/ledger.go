package ledger

import (
	"fmt"
	"hash/maphash"
)

// Ledger holds what the records say so far.
type Ledger struct {
	seed     maphash.Seed
	rooms    map[int]*room
	clients  map[int]*client
	ops      map[string]*op
	messages map[string]*message
	report   Report
}

// op is one thing that the fleet asked for: a new message or an edit.
type op struct {
	name     string
	room     int
	edits    string // the message that it edits; empty: it is a new message
	content  uint64
	attempts int
	denials  int      // attempts answered with a code that promises that nothing is stored
	acked    bool     // answered with a message
	made     *message // of a new message: what it became; nil: nobody saw it yet
	number   int64    // of an edit: the event that it became; zero: nobody saw it yet
}

// denied reports whether the server has promised that the op is not stored.
func (o *op) denied() bool { return o.attempts == o.denials }

// message is one message of the server, however it came to be known.
type message struct {
	id   string
	room int
	op   *op     // nil: not of this fleet
	seq  int64   // the number that made it; zero: not known yet
	revs []state // what it said after each of its events that somebody saw
	last int64   // the greatest number of its events
	read []reading
}

// state is what a message said after an event.
type state struct {
	number  int64
	content uint64
}

// reading is how a message was found at the end.
type reading struct {
	way string
	rev int64
}

// room is the order of one room, as all have seen it together.
type room struct {
	begun  bool
	ended  bool
	base   int64
	head   int64
	events map[int64]*message
	top    int64 // the greatest number that anybody saw
}

// client is what one connection after another of one member has seen.
type client struct {
	room   int
	stays  bool
	joined bool
	start  int64   // where it first stood
	at     int64   // where it stands
	adrift bool    // it resumed with more to fetch: the next event tells where live events go on
	seen   numbers // that it saw, live or shown
	page   int64   // the last number of the list of messages that it is being shown
	since  int64   // what that list was asked with
}

// New returns an empty ledger.
func New() *Ledger {
	return &Ledger{
		seed:     maphash.MakeSeed(),
		rooms:    map[int]*room{},
		clients:  map[int]*client{},
		ops:      map[string]*op{},
		messages: map[string]*message{},
		report:   Report{Refused: map[string]int64{}, Ended: map[string]int64{}},
	}
}

// Apply adds a record.
func (l *Ledger) Apply(r *Record) {
	switch r.Kind {
	case Begin:
		room := l.room(r.Room)
		room.base, room.begun = r.Seq, true
	case Send, Edit:
		l.begin(r)
	case Resend, Refused, Cut, Silent, Acked:
		l.answer(r)
	case Joined:
		l.join(r)
	case Shown:
		l.show(r)
	case Told:
		l.tell(r)
	case Ended:
		l.report.Ended[r.Code]++
	case Stays:
		l.client(r).stays = true
	case Read:
		l.readBack(r)
	case End:
		room := l.room(r.Room)
		room.head, room.ended = r.Seq, true
	default:
		l.unexplained("a record of the unknown kind %q", r.Kind)
	}
}

func (l *Ledger) room(id int) *room {
	r := l.rooms[id]
	if r == nil {
		r = &room{events: map[int64]*message{}}
		l.rooms[id] = r
	}
	return r
}

func (l *Ledger) client(r *Record) *client {
	c := l.clients[r.Client]
	if c == nil {
		c = &client{room: r.Room, seen: numbers{base: l.room(r.Room).base}}
		l.clients[r.Client] = c
	}
	return c
}

// begin notes a new op and its first attempt.
func (l *Ledger) begin(r *Record) {
	if l.ops[r.Op] != nil {
		l.unexplained("op %s begins twice", r.Op)
		return
	}
	l.ops[r.Op] = &op{name: r.Op, room: r.Room, edits: r.Message, content: l.hash(r.Content), attempts: 1}
	if r.Kind == Edit {
		l.report.Edits++
	} else {
		l.report.Sent++
	}
	l.report.Attempts++
}

// answer notes what became of an attempt.
func (l *Ledger) answer(r *Record) {
	o := l.ops[r.Op]
	if o == nil {
		l.unexplained("client %d: an answer about op %q, which nobody sent", r.Client, r.Op)
		return
	}
	switch r.Kind {
	case Resend:
		o.attempts++
		l.report.Attempts++
	case Refused:
		l.report.Refused[r.Code]++
		if PromisesNothing(r.Code) {
			o.denials++
		}
	case Cut:
		l.report.Cut++
	case Silent:
		l.unexplained("client %d: op %s was never answered on a connection that lived on", r.Client, r.Op)
	case Acked:
		o.acked = true
		l.observe(r, r.Seq, r.Rev)
	}
}

// PromisesNothing reports whether an error with this code says that nothing was
// stored and nothing will be.
func PromisesNothing(code string) bool {
	return code != "unknown_outcome" && code != "internal"
}

// observe notes that a message was seen in the state that its event number rev
// left behind. What the observer says must agree with what all others said.
func (l *Ledger) observe(r *Record, seq, rev int64) *message {
	m := l.messages[r.Message]
	if m == nil {
		m = &message{id: r.Message, room: r.Room}
		l.messages[r.Message] = m
		l.belongs(m, r)
	}
	if m.room != r.Room {
		l.unexplained("message %s was seen in room %d and in room %d", m.id, m.room, r.Room)
	}
	if m.seq == 0 {
		m.seq = seq
		l.place(m, seq)
	}
	if m.seq != seq || rev < seq {
		l.reordered("message %s: made at %d as first seen, client %d has it made at %d and changed at %d", m.id, m.seq, r.Client, seq, rev)
	}
	if l.place(m, rev) {
		l.content(m, r, rev)
	}
	return m
}

// belongs finds the op that made a message.
func (l *Ledger) belongs(m *message, r *Record) {
	o := l.ops[r.Op]
	switch {
	case o == nil || o.edits != "":
		if r.Rev > l.room(r.Room).base {
			l.unexplained("message %s in room %d is not of this fleet (client_id %q)", m.id, r.Room, r.Op)
		}
		return
	case o.made != nil:
		l.repeated("op %s is stored twice, as %s and %s", o.name, o.made.id, m.id)
	case o.room != m.room:
		l.unexplained("op %s was sent to room %d and stored in room %d", o.name, o.room, m.room)
	}
	o.made, m.op = m, o
}

// place notes that event number n is of message m; false if it is of another one.
func (l *Ledger) place(m *message, n int64) bool {
	room := l.room(m.room)
	other := room.events[n]
	if other != nil && other != m {
		l.reordered("room %d: number %d is of message %s for some and of %s for others", m.room, n, other.id, m.id)
		return false
	}
	room.events[n] = m
	room.top = max(room.top, n)
	m.last = max(m.last, n)
	return true
}

// content checks what a message said after event n against what was asked for.
func (l *Ledger) content(m *message, r *Record, n int64) {
	if m.op == nil {
		return
	}
	said := l.hash(r.Content)
	for _, known := range m.revs {
		if known.number == n {
			if known.content != said {
				l.unexplained("message %s said something else to client %d at %d than to others", m.id, r.Client, n)
			}
			return
		}
	}
	m.revs = append(m.revs, state{n, said})
	if n == m.seq {
		if said != m.op.content {
			l.unexplained("message %s does not say what op %s sent", m.id, m.op.name)
		}
		return
	}
	edit := l.editOf(m.id, said, r.Content)
	switch {
	case edit == nil:
		l.unexplained("message %s says at %d what no edit asked for", m.id, n)
	case edit.number != 0:
		l.repeated("edit %s took effect twice, at %d and %d", edit.name, edit.number, n)
	default:
		edit.number = n
	}
}

// editOf finds the edit by the name with which its content begins.
func (l *Ledger) editOf(message string, said uint64, content string) *op {
	o := l.ops[NameIn(content)]
	if o == nil || o.edits != message || o.content != said {
		return nil
	}
	return o
}

func (l *Ledger) hash(s string) uint64 { return maphash.String(l.seed, s) }

// Content returns what the op with the given name must say, so that whoever
// reads it can tell by what it was written: the name, a space, and the text.
func Content(name, text string) string { return fmt.Sprintf("%s %s", name, text) }

// NameIn returns the name of the op that wrote the content.
func NameIn(content string) string {
	for i := range len(content) {
		if content[i] == ' ' {
			return content[:i]
		}
	}
	return content
}
