package ledger

import (
	"hash/maphash"
	"slices"
	"strings"
)

// Ledger holds what the records say so far.
type Ledger struct {
	seed        maphash.Seed
	rooms       map[int]*room
	clients     map[int]*client
	ops         map[string]*op
	messages    map[string]*message
	changes     map[string][]*op // by the message that they change
	hidden      string           // what all tombstones say; empty: nobody saw one
	blank       string           // what quotes said before, of what is deleted; empty: nothing
	replied     map[string]int64 // when the first reply to a message went out
	answers     map[string]int   // in the end: how many replies a message has that are not deleted
	bare        []*Record        // patches of messages that nobody had told yet
	roles       map[string][]role
	memberships map[placeOf]membership // of those that changed
	lists       map[list][]*Record     // what was read whole in the end
	rows        []*Record              // of the list that is being read
	readers     map[placeOf]*client    // who has marked what they have read
	files       map[string]*file
	views       views
	former      takeover // the last one
	clock       int64    // records so far
	report      Report
}

// op is one thing that the fleet asked for: a new message, or a change of one.
type op struct {
	name     string
	kind     Kind
	room     int
	about    string   // the message that it changes; empty: it is a new message, or a mark
	on       bool     // of a pin or reaction; of a new message: it mentions everybody
	to       []string // of a new message: whom it mentions
	rank     int      // which of its sender's roles counts at least
	joins    int      // the connection on which it went out first, of its client's
	mark     int64    // of a mark: up to where
	content  uint64
	quote    uint64 // of its content, what a reply shows of it
	form     string // of a new message, like the next three
	sender   string // also of a change
	emoji    string // of a reaction
	reply    string
	extra    string
	files    []string
	begun    int64 // the clock when it went out
	top      int64 // the greatest number of the room that anybody had seen by then
	attempts int
	denials  int      // attempts answered with a code that promises that nothing is stored
	acked    bool     // answered with a message
	granted  int64    // the clock when it was first answered with an ack; zero: never
	answers  int      // attempts answered, with whatever
	moot     bool     // refused, as what it is about was deleted
	forfeit  bool     // answered with what a fail-over lost
	silent   int      // of an edit: 1 + the client whose connection lived on without an answer
	burnt    bool     // of a change: it may have taken a number that nobody saw
	made     *message // of a new message: what it became; nil: nobody saw it yet
	number   int64    // of a change: the first event that it became; zero: nobody saw it yet
	effects  int      // of a change: how many events of it were seen
}

// changes reports whether the op changes a message.
func (o *op) changes() bool { return o.about != "" }

// denied reports whether the server has promised that the op is not stored, perhaps
// more often than it was asked.
func (o *op) denied() bool { return o.denials >= o.attempts }

// message is one message of the server, however it came to be known.
type message struct {
	id   string
	room int
	op   *op     // nil: not of this fleet
	face uint64  // what never changes: sender, time, message_type, what it answers
	mail string  // its sender's address
	seq  int64   // the number that made it; zero: not known yet
	revs []state // what it said after each of its events that somebody saw
	last int64   // the greatest number of its events
	read []reading
	said map[int64]string // what a frame said of each event: its "change"
	gone int64            // the least number at which it was seen deleted; zero: none

	buried int64 // the clock when it was first seen deleted; zero: never
}

// state is what a message said after an event.
type state struct {
	number  int64
	content uint64
	updated uint64
	by      *op    // what wrote the content; nil: it is a tombstone
	pinned  string // since when, and by whom; empty: it is not
	pinner  string
	goer    string // as whom somebody deleted it
	whole   uint64 // all that a change may alter
	summary string
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
	nodes  int
	summed bool // messages say how many reactions and replies they have
	base   int64
	head   int64
	events map[int64]*message
	top    int64 // the greatest number that anybody saw
}

// client is what one connection after another of one member has seen.
type client struct {
	room             int
	user             string // empty: not known
	rank             int    // which of its user's roles its connection was told of
	ranked           bool   // it was
	joins            int    // connections so far
	came, cameBefore int64  // the clock when it connected last, and the time before
	stays            bool
	joined           bool
	start            int64           // where it first stood, or stood when it last connected without saying where
	known            int64           // the greatest number that it knows the room to have had
	heard            int64           // the greatest of them that was told live, or acknowledged
	at               int64           // where it stands by its connection
	again            int64           // up to here its connection tells what the client may have, as its server was behind
	paged            int64           // where it stands by pages fetched since it connected; zero: none
	adrift           bool            // it resumed with more to fetch: the next event tells where live events go on
	paging           bool            // it resumed with more to fetch on this connection
	whole            bool            // and has fetched it all
	live             int64           // while paging: where live events went on
	seen             numbers         // that it saw, live or shown
	torn             map[string]bool // messages that it may lack without a sign, as its pages were of two histories

	fetched int64 // the clock when it last asked for a file
	clientMarks
	page int64 // the last number of the list of messages that it is being shown
	view *view // that list

	keeps *keeping // what it holds by a library; nil: it is not run by one
}

// New returns an empty ledger.
func New() *Ledger {
	return &Ledger{
		seed:        maphash.MakeSeed(),
		rooms:       map[int]*room{},
		clients:     map[int]*client{},
		ops:         map[string]*op{},
		messages:    map[string]*message{},
		changes:     map[string][]*op{},
		replied:     map[string]int64{},
		readers:     map[placeOf]*client{},
		files:       map[string]*file{},
		roles:       map[string][]role{},
		memberships: map[placeOf]membership{},
		lists:       map[list][]*Record{},
		views:       views{max: viewsMax},
		report:      Report{Kinds: map[string]int64{}, Refused: map[string]int64{}, Unstored: map[string]int64{}, Ended: map[string]int64{}},
	}
}

// Apply adds a record.
func (l *Ledger) Apply(r *Record) {
	l.clock++
	switch r.Kind {
	case Begin:
		room := l.room(r.Room)
		room.base, room.begun, room.nodes, room.summed = r.Seq, true, r.Nodes, r.Version >= 2
	case Send, Edit, Delete, Pin, React, Mark, Auth:
		l.begin(r)
	case forfeited:
		if o := l.ops[r.Op]; o != nil {
			o.forfeit = true
		}
	case Anew:
		l.lost("client %d was told that its room went back", r.Client)
	case Resend, Refused, Cut, Silent, Acked, Granted:
		l.answer(r)
	case Promoted, Known, Over:
		l.takeOver(r)
	case Own:
		l.own(r)
	case Uploaded, Unstored, Fetch, Fetched:
		l.applyFiles(r)
	case Further, ReadBy, Marked:
		l.applyReads(r)
	case Role:
		l.giveRole(r)
	case Leaves, Gone, Returns, Back:
		l.moveMember(r)
	case RoleTold:
		l.roleTold(r)
	case Loaded, Reset, Held, Holds, Drawn:
		l.applyHeld(r)
	case Seen:
		l.see(r)
	case Chosen:
		l.chosen(r)
	case Row:
		l.rows = append(l.rows, r)
	case Listed:
		l.lists[list{r.Way, r.Room, r.About, r.Sender}] = l.rows
		l.rows = nil
	case Joined:
		l.join(r)
	case Paged:
		l.turn(r)
	case Shown:
		l.show(r)
	case Told:
		l.tell(r)
	case Due:
		l.due(r)
	case Ended:
		l.end(r)
	case Stays:
		l.client(r).stays = true
	case Away:
		l.client(r) // which does not stay
	case Unsettled:
		l.unexplained("room %d, client %d: %s", r.Room, r.Client, r.Code)
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
		c = &client{clientMarks: clientMarks{id: r.Client}, room: r.Room, seen: numbers{base: l.room(r.Room).base}, view: &view{}}
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
	o := &op{
		name: r.Op, kind: r.Kind, room: r.Room, about: r.Message, on: r.On, mark: r.Seq, extra: r.Extra, content: l.hash(r.Content), quote: l.hash(firstRunes(r.Content)),
		form: r.Form, sender: r.Sender, reply: r.Reply, begun: l.clock, top: l.room(r.Room).top, attempts: 1,
		to: r.To, rank: l.standing(r), joins: l.client(r).joins,
	}
	l.ops[r.Op] = o
	if r.Kind == React {
		o.emoji = r.Content
	}
	if _, known := l.replied[o.reply]; o.reply != "" && !known {
		l.replied[o.reply] = l.clock
	}
	if o.changes() {
		l.changes[o.about] = append(l.changes[o.about], o)
	}
	switch r.Kind {
	case Send:
		l.sends(o, r.Files)
		l.report.Sent++
	case Edit:
		l.report.Edits++
	case Mark:
		c := l.client(r)
		c.asked = max(c.asked, r.Seq)
		l.readers[placeOf{r.Room, r.Sender}] = c
		l.report.Marks++
	case Auth:
		l.report.Tokens++
	default:
		l.report.Changes++
	}
	l.report.Attempts++
	l.report.Kinds[string(r.Kind)]++
	if r.Way == WayREST {
		l.report.Kinds[WayREST]++
	}
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
		if r.Way == WayREST || o.joins != l.client(r).joins {
			o.rank = 0 // another server may not know yet what this one has told
		}
	case Refused:
		l.report.Refused[r.Code]++
		o.answers++
		if PromisesNothing(r.Code) {
			o.denials++
		}
		if l.excuses(o, r.Code) {
			o.moot = r.Code != "not_allowed" || !l.permitted(o)
		} else if !mayBeSaid[r.Code] && !r.excused && !l.missesIt(r) {
			l.unexplained("client %d: op %s was refused with %q, for which there is no reason", r.Client, r.Op, r.Code)
		}
	case Cut:
		l.report.Cut++
	case Silent:
		if o.kind == Edit && r.Version < 2 {
			o.silent = 1 + r.Client // it may have been superseded: judged at the end
			return
		}
		l.unanswered(r.Client, o)
	case Acked:
		l.ack(r, o)
	case Granted:
		l.grant(r, o)
	}
}

// excuses reports whether there is a reason to refuse an op for good: what it is about may
// be deleted by now, or the room has as many pins as it may have.
func (l *Ledger) excuses(o *op, code string) bool {
	switch {
	case l.refusesRight(o, code):
		return true
	case shutsOut(code) && l.mayBeOutside(o.room, o.sender, o.begun):
		return true
	case code == "invalid_token":
		return o.kind == Auth && !o.on
	case code == "not_found" && o.changes() && o.kind != Delete: // to delete again is acknowledged
		return l.deletes(o.about)
	case code == "invalid_reply" && o.kind == Send:
		return l.deletes(o.reply)
	case code == "invalid_attachment" && o.kind == Send:
		return l.rivals(o)
	case code == "too_many_pins" && o.kind == Pin && o.on:
		return l.mayBePinned(o.room) >= pinsMax
	}
	return false
}

// deletes reports whether somebody asked for the deletion of a message who may delete it.
func (l *Ledger) deletes(message string) bool {
	return slices.ContainsFunc(l.changes[message], func(o *op) bool { return o.kind == Delete && !o.denied() && l.permitted(o) })
}

func (l *Ledger) unanswered(client int, o *op) {
	l.unexplained("client %d: op %s was never answered on a connection that lived on", client, o.name)
}

// ack notes that an attempt was answered with a message, which must be the one
// that was asked for; from now on the client knows where its room is at least.
func (l *Ledger) ack(r *Record, o *op) {
	o.acked = true
	o.answers++
	m := l.observe(r, r.Seq, r.Rev)
	if (!o.changes() && m.op != o) || (o.changes() && m.id != o.about) || (o.kind == Edit && l.hash(r.Content) != o.content) || (o.kind == Delete && r.Deleted == "") || (o.kind == Pin && r.Deleted == "" && o.on != (r.Pinned != "")) {
		l.unexplained("client %d: op %s was acknowledged with what it did not ask for, message %s", r.Client, o.name, m.id)
	}
	c := l.client(r)
	c.known, c.heard = max(c.known, r.Rev), max(c.heard, r.Rev)
	l.checkPermitted(r, o)
	if (o.kind == Delete || o.kind == Pin) && o.granted == 0 {
		o.granted = l.clock
	}
}

func (l *Ledger) hash(parts ...string) uint64 {
	return maphash.String(l.seed, strings.Join(parts, "\x00"))
}
