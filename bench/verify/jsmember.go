package verify

import (
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
)

// jsMember is a room of a page of the JavaScript library: a member of its own in the account. The
// lock of the fleet guards what it has of its own.
type jsMember struct {
	*member
	of *jsUser

	phase   string // of its room
	stands  int64
	read    int64            // how far its library says that the user has read
	marks   int              // so many went out
	marked  int64            // the greatest of them
	came    bool             // it has been in the room
	here    bool             // since it was loaded
	ended   bool             // it has said what it holds in the end
	pending map[string]*jsOp // by name: asked for, and not settled
	byID    map[string]*jsOp // the same, by client_id, where that is known
	past    map[string]*jsOp // what is settled, likewise: a store may have it yet
	made    []*own           // its messages, the last ones
	heard   string           // the message that it was told of last
	waits   map[int]int64    // questions about what is held, and what of it is due; zero: nothing
}

// jsOp is what a user asked the library for.
type jsOp struct {
	*op
	id       string // its client_id; empty: not known yet
	begun    bool   // the account knows of it
	kept     bool   // it is in the store
	restored bool   // it was found there after a reload
	outs     int    // how often it went out
	socket   int    // which carries it; zero: none
	failed   bool   // its library has given it up
	acked    bool
	code     string // of its last refusal
}

// load forgets what a page knew before it was loaded. What it had not kept is as if it had not been written. f.mu is held.
func (m *jsMember) load() {
	m.note(ledger.Record{Kind: ledger.Loaded})
	m.phase, m.here, m.stands, m.read, m.heard, m.waits = "", false, 0, 0, "", map[int]int64{}
	for name, o := range m.pending {
		if o.socket != 0 {
			m.cutJS(o)
		}
		if !o.begun && o.id == "" {
			delete(m.pending, name)
			o.release()
		}
		o.restored = false
	}
}

// release lets the message be edited that an op was about.
func (o *jsOp) release() {
	if o.edits != nil {
		o.edits.editing = false
	}
}

func (m *jsMember) cutJS(o *jsOp) {
	o.socket = 0
	m.note(ledger.Record{Kind: ledger.Cut, Op: o.name})
}

// hear takes what the program says of the room. f.mu is held.
func (m *jsMember) hear(line *jsLine) {
	switch line.On {
	case "state":
		m.phase = line.Phase
		m.came, m.here = m.came || line.Phase == "live", m.here || line.Phase == "live"
	case "at":
		m.at(line)
	case "written":
		if o := m.pending[line.Op]; o != nil {
			o.id = line.ID
			m.byID[o.id] = o
			m.crew.book.call(o.id, o.name)
		}
	case "restored":
		m.restore(line.Entries)
		m.of.fleet.tellFault("reload")
	case "told":
		m.told(line)
	case "gone":
		m.settled(line)
	case "failed":
		if o := m.byID[line.ID]; o != nil {
			m.givenUp(o, string(line.Code))
		}
	case "resolved", "rejected":
		m.promised(line)
	case "holds":
		m.holds(line)
	case "rendered":
		for i := range line.Changed {
			r := line.Changed[i].record(ledger.Drawn)
			r.Made = r.Seq
			m.note(r)
		}
	}
}

// wrong notes what the library must not do.
func (m *jsMember) wrong(format string, args ...any) {
	m.note(ledger.Record{Kind: ledger.Unsettled, Code: "its library " + fmt.Sprintf(format, args...)})
}

// at notes where the room stands. How far the user has read never goes back.
func (m *jsMember) at(line *jsLine) {
	m.stands = line.Seq
	if line.Read < m.read {
		m.wrong("said that the user has read up to %d, and then up to %d", m.read, line.Read)
	}
	m.read = line.Read
}

// told notes what `messages` has shown.
func (m *jsMember) told(line *jsLine) {
	m.stands = line.Seq
	if line.Reset {
		m.note(ledger.Record{Kind: ledger.Reset, Seq: line.Seq, First: line.First, Revs: line.Revs})
	}
	for i := range line.Changed {
		msg := &line.Changed[i]
		r := msg.record(ledger.Held)
		r.Made, r.Seq, r.First = msg.Seq, line.Seq, line.First
		m.note(r)
		if msg.DeletedAt == "" {
			m.heard = msg.ID
		} else if m.heard == msg.ID {
			m.heard = ""
		}
		for _, mine := range m.made {
			mine.deleted = mine.deleted || mine.id == msg.ID && msg.DeletedAt != ""
		}
	}
}

// holds notes what is held, and whether that is all that is due by now.
func (m *jsMember) holds(line *jsLine) {
	m.stands = line.Seq
	m.note(ledger.Record{Kind: ledger.Holds, Seq: line.Seq, First: line.First, Revs: line.Revs, More: !line.Complete, On: line.End})
	if due := m.waits[line.N]; due > 0 {
		m.note(ledger.Record{Kind: ledger.Due, Seq: due})
	}
	delete(m.waits, line.N)
	if line.End {
		m.ended = true
		if line.Waiting > 0 {
			m.wrong("has %d entries in the outbox in the end", line.Waiting)
		}
	}
}

// restore compares what a page found in its store with what was kept there.
func (m *jsMember) restore(entries []jsEntry) {
	for i := range entries {
		e := &entries[i]
		o := m.find(e.ID) // settled, where its library had no time to take it out of the store
		if o == nil {
			m.wrong("found %q of %s in its store, which nobody wrote", e.Frame.Content, e.ID)
			continue
		}
		o.restored, o.kept = true, true
		m.byID[e.ID], m.pending[o.name] = o, o
		m.beginJS(o)
		if e.Failed {
			m.givenUp(o, string(e.Code))
		}
	}
	for name, o := range m.pending {
		switch {
		case o.restored:
		case o.kept && !o.acked:
			m.note(ledger.Record{Kind: ledger.Unsettled, Code: "op " + o.name + " was in its store, and is not after a reload"})
			fallthrough
		case o.id != "":
			delete(m.pending, name)
			delete(m.byID, o.id)
			o.release()
		}
	}
}

// beginJS notes an op before it can have any effect. f.mu is held.
func (m *jsMember) beginJS(o *jsOp) {
	if o.begun {
		return
	}
	o.begun = true
	r := ledger.Record{Kind: o.kind, Op: o.name, Content: o.content, Message: o.about, On: o.on, Sender: m.userID}
	if o.kind == ledger.Send {
		r.Form, r.Reply, r.Extra, r.To = o.form(), o.reply, extraOf(o.mentions, o.on, o.data, nil), o.mentions
	}
	m.note(r)
}

// kept notes which entries are in the store.
func (m *jsMember) kept(id string) {
	if o := m.byID[id]; o != nil {
		o.kept = true
		m.beginJS(o)
	}
}

// out notes that a frame is about to go out.
func (m *jsMember) out(line *jsLine) {
	if line.Type == "mark_read" {
		m.marks++
		m.marked = max(m.marked, line.Seq)
		m.note(ledger.Record{Kind: ledger.Mark, Op: fmt.Sprintf("v%s-%d-mark-%d", m.crew.run, m.id, m.marks), Seq: line.Seq, Sender: m.userID})
		return
	}
	o := m.find(line.ID)
	if o == nil {
		m.wrong("sends %s with the client_id %q, which nobody wrote", line.Type, line.ID)
		return
	}
	m.beginJS(o)
	if o.outs > 0 {
		m.note(ledger.Record{Kind: ledger.Resend, Op: o.name})
	}
	o.outs++
	o.socket = line.Socket
}

// refusedJS notes that an attempt was answered by an error.
func (m *jsMember) refusedJS(o *jsOp, code string) {
	o.socket, o.code = 0, code
	m.note(ledger.Record{Kind: ledger.Refused, Op: o.name, Code: code})
}

// givenUp notes that the library does not try any more. It may only where the server has refused it.
func (m *jsMember) givenUp(o *jsOp, code string) {
	if !o.failed && o.code != code {
		m.wrong("gave op %s up with %q, and the server said %q", o.name, code, o.code)
	}
	o.failed, o.code = true, code
	m.of.fleet.program.say(map[string]any{"do": "discard", "member": m.id, "id": o.id})
}

// settled notes that an entry has left the outbox: it is acknowledged, unless it had failed.
func (m *jsMember) settled(line *jsLine) {
	o := m.byID[line.ID]
	if o == nil {
		return // refused at once, or told before
	}
	delete(m.byID, line.ID)
	delete(m.pending, o.name)
	m.past[line.ID] = o
	o.socket = 0
	o.release()
	switch {
	case o.failed:
	case !o.begun:
		m.wrong("says that op %s is stored, which never went out", o.name)
	case o.kind != ledger.Send:
		o.acked = true
		m.note(ledger.Record{Kind: ledger.Granted, Op: o.name})
	case line.Message == nil: // it is not held, as it is old or many came after it: a promise may tell
		o.acked = true
		m.note(ledger.Record{Kind: ledger.Granted, Op: o.name, Way: ledger.WayLibrary})
	default:
		o.acked = true
		m.ackedJS(line.Message)
		m.made = append(m.made, &own{id: line.Message.ID, op: o.name, content: o.content, deleted: line.Message.DeletedAt != ""})
		m.made = m.made[max(0, len(m.made)-mineMax):]
	}
}

// promised compares what a promise says with what has become of its op.
func (m *jsMember) promised(line *jsLine) {
	o := m.find(line.ID)
	switch {
	case o == nil && line.On == "rejected" && line.ID == "":
		if o = m.pending[line.Op]; o != nil { // refused at once
			delete(m.pending, line.Op)
			o.release()
		}
		m.wrong("refused op %s at once with %q", line.Op, line.Code)
	case o == nil:
		m.wrong("has %s the promise of op %s, which is not known", line.On, line.Op)
	case line.On == "resolved" && !o.acked:
		m.wrong("has resolved the promise of op %s, which is not stored", o.name)
	case line.On == "rejected" && !o.failed:
		m.wrong("has rejected the promise of op %s with %q, which has not failed", o.name, line.Code)
	case line.On == "resolved" && o.kind == ledger.Send && (line.Message == nil || line.Message.ClientID != o.id):
		m.wrong("has resolved the promise of op %s to another message", o.name)
	case line.On == "resolved" && o.kind == ledger.Send:
		m.ackedJS(line.Message)
	}
}

// ackedJS notes that a message is acknowledged.
func (m *jsMember) ackedJS(msg *message) {
	r := msg.record(ledger.Acked)
	r.Type = "message_patch" // of its quote
	m.note(r)
}

// find is an op by its client_id, settled or not: what has been told meanwhile may be on its way again.
func (m *jsMember) find(id string) *jsOp {
	if o := m.byID[id]; o != nil {
		return o
	}
	return m.past[id]
}

// hear takes what the program says of a page. f.mu is held.
func (u *jsUser) hear(line *jsLine) {
	switch line.On {
	case "connection":
		u.phase = line.Phase
	case "token":
		u.mint(line)
	case "kept":
		for _, m := range u.rooms {
			for _, id := range line.IDs {
				m.kept(id)
			}
		}
	case "out":
		for _, m := range u.rooms {
			if fleet.Trip(m.room) == line.Trip {
				m.out(line)
			}
		}
		u.fleet.program.say(map[string]any{"n": line.N})
	case "fault":
		u.fleet.tellFault("fault")
	case "refused":
		for _, m := range u.rooms {
			if o := m.find(line.ID); o != nil {
				m.refusedJS(o, string(line.Code))
			}
		}
	case "end":
		u.end(line)
	}
}

// mint gives a page a token, which ends soon where somebody can sign such a one.
func (u *jsUser) mint(line *jsLine) {
	cfg := u.fleet.crew.cfg
	token, until := u.bearer, time.Time{}
	if cfg.MintFor != nil {
		life := cfg.Token + time.Duration(u.rooms[0].draw()*float64(jsTokenParts-1)*float64(cfg.Token))
		var err error
		if token, err = cfg.MintFor(u.id, life); err != nil {
			u.fleet.crew.failed(fmt.Errorf("sign a token: %w", err))
			return
		}
		until = time.Now().Add(life)
	}
	now := time.Now()
	for text, end := range u.tokens {
		if now.Sub(end) > time.Hour {
			delete(u.tokens, text)
		}
	}
	u.tokens[token] = until
	u.fleet.program.say(map[string]any{"n": line.N, "token": token})
}

// end notes that a connection has ended, and what it carried.
func (u *jsUser) end(line *jsLine) {
	for _, m := range u.rooms {
		for _, o := range m.byID {
			if o.socket == line.Socket {
				m.cutJS(o)
			}
		}
	}
	switch line.Code {
	case "0", "1000", "1005": // by the page
	default:
		if line.Heard {
			u.note(ledger.Record{Kind: ledger.Ended, Code: string(line.Code), Sender: u.id.String(), Token: true, After: time.Since(u.tokens[line.Token]).Milliseconds()})
		}
	}
}
