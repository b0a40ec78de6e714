package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/protocol"
)

// habit is how a member stays in touch.
type habit uint8

const (
	steady   habit = iota // keeps a connection for a while
	restless              // reconnects in a tight loop
	polling               // never connects: long polls and sends by REST
)

// member is one member of the fleet.
type member struct {
	// static after construction
	crew   *crew
	id     int
	room   int
	user   int // of the fleet
	seat   int // in its room; noSeat: it is a guest there
	bearer string
	userID string
	habit  habit
	v2     bool  // it speaks version 2 of the protocol
	many   *many // its user has one connection for all their rooms; nil: a connection for this room

	// owned by the goroutine of live
	serial int // of its ops
	acts   int // that it has done

	mu      sync.Mutex // guards what follows
	rng     *rand.Rand
	sess    *session       // nil: not connected
	joined  bool           // it has been told where it stands at least once
	at      int64          // where it stands: it has seen all up to here
	last    string         // the message that event at made or changed; empty: not known
	adrift  bool           // a resume had more: pages are being fetched
	told    int64          // while adrift: the last live event
	toldOf  string         // and its message
	known   int64          // the greatest number that it knows its room to have had
	heard   string         // the message that it saw last
	pending map[string]*op // sent, not settled
	settled map[string]*op // settled, with attempts that still wait for an answer
	mine    []*own         // its messages, the last ones
	has     copies         // of one that speaks version 2: the messages as it has them
	early   []frame        // and, while adrift: patches that came meanwhile
	role    string         // and what its session was told last of the user's role
	awaits  string         // the role of which it must be told in the end; empty: any
	marked  int64          // up to where it has said that its user has read
	stay    stay

	upToDate time.Time // of one that polls: when it stood where it knew its room to stand
}

// op is a message, a change of one, or a mark on its way.
type op struct {
	kind      ledger.Kind
	name      string
	content   string
	file      bool
	reply     string // the message that it answers; empty: none
	mentions  []string
	data      json.RawMessage
	files     []attachment
	edits     *own   // an own message that it edits or deletes; nil: none
	about     string // the message that it changes; empty: none
	on        bool   // of a pin or reaction; of a message: it mentions everybody
	seq       int64  // of a mark
	revBefore int64  // of an edit: the message's rev when it was sent
	attempts  int
	denials   int              // attempts answered with a code that promises that nothing is stored
	waiting   int              // attempts that can still be answered
	retryAt   time.Time        // not before then
	sentOn    map[*session]int // attempts that wait, by the session that carries them
}

// own is a message that the member made and may edit.
type own struct {
	id      string
	op      string
	content string
	sent    *op // as it was sent
	rev     int64
	editing bool
	deleted bool // or on its way to be
}

const (
	pendingMax  = 32                     // a member with more on its way begins nothing new
	mineMax     = 50                     // messages that it remembers
	retryPause  = 300 * time.Millisecond // before an op that failed is tried again
	backoffMin  = 50 * time.Millisecond
	backoffMax  = 2 * time.Second
	dialTimeout = 10 * time.Second

	restlessActs = 0.1 // how often a restless member does something while it is connected
)

func newMember(cr *crew, id, room, user int, bearer string) *member {
	m := &member{
		crew: cr, id: id, room: room, user: user, seat: id / cr.cfg.Rooms, bearer: bearer,
		rng:     rand.New(rand.NewPCG(cr.cfg.Seed, uint64(id))),
		pending: map[string]*op{},
		settled: map[string]*op{},
	}
	m.userID = fleet.User(user).String()
	// One in ten of each habit, but the first of each room is steady.
	switch {
	case m.seat%10 == 3:
		m.habit = restless
	case m.seat%10 == 7:
		m.habit = polling
	}
	m.v2 = m.habit != polling && (m.seat%4 == 0 || m.seat%4 == 3)
	return m
}

// node picks the server for the next call, one of the crew's nodes.
func (m *member) node() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rng.IntN(len(m.crew.nodes))
}

// cameIn reports whether the member has been told where it stands.
func (m *member) cameIn() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.joined
}

// know notes that the room has had a number. m.mu is held.
func (m *member) know(number int64) { m.known = max(m.known, number) }

// draw returns a number in [0,1) from the member's own sequence.
func (m *member) draw() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rng.Float64()
}

func (m *member) jitter(d time.Duration) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return jitter(m.rng, d)
}

// pauseBetween is how long a member waits between two actions.
func (m *member) pauseBetween() time.Duration {
	return m.jitter(time.Duration(float64(time.Second) / m.crew.cfg.Rate))
}

// acting reports whether members still begin new things.
func (m *member) acting() bool { return m.crew.acting.Err() == nil }

// live is the member's life, until the crew leaves.
func (m *member) live() {
	if m.habit == polling {
		m.poll()
		return
	}
	backoff := backoffMin
	for m.crew.living.Err() == nil {
		begun := time.Now()
		s, err := m.connect()
		if err != nil {
			if fatal(err) && !m.outside(begun) {
				m.crew.failed(fmt.Errorf("member %d, user %d, was not let into room %d: %w", m.id, m.user, m.room, err))
				return
			}
			m.sleep(m.jitter(backoff))
			backoff = min(2*backoff, backoffMax)
			continue
		}
		backoff = backoffMin
		m.spend(s)
		s.end()
	}
}

// fatal reports whether trying again is pointless.
func fatal(err error) bool {
	var end *wire.CloseError
	var status *wire.StatusError
	switch {
	case errors.As(err, &end):
		return end.Code == uint16(protocol.CloseUnauthorized) || end.Code == uint16(protocol.CloseForbidden)
	case errors.As(err, &status):
		return status.Status/100 == 4 && status.Status != 429
	}
	return false
}

func (m *member) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-m.crew.living.Done():
	}
}

// connect opens a session and waits for its first frame. A member that has been
// here before says where it stands, or now and then where it stood earlier; or it
// has forgotten all, as somebody on a new device has.
func (m *member) connect() (*session, error) {
	m.mu.Lock()
	since, last := m.resumption()
	key := [4]byte{byte(m.rng.Uint32()), byte(m.rng.Uint32()), byte(m.rng.Uint32()), byte(m.rng.Uint32())}
	m.mu.Unlock()
	if m.many != nil {
		return m.subscribe(since, last)
	}
	target := "/ws/chat/" + fleet.Trip(m.room).String() + "/"
	if since >= 0 {
		target += fmt.Sprintf("?since=%d", since)
	}
	if last != "" {
		target += "&since_id=" + last
	}
	by := wire.Credential{Bearer: m.bearer}
	if m.v2 {
		target += map[bool]string{false: "?", true: "&"}[since >= 0] + "v=2"
		by.Subprotocol = m.bearer
		if !m.crew.cfg.Header {
			by.Bearer = ""
		}
	}
	ctx, cancel := context.WithTimeout(m.crew.living, dialTimeout)
	defer cancel()
	node, begun := m.node(), time.Now()
	client, err := wire.Dial(ctx, m.crew.nodes[node], target, by, key, messageBytesMax)
	if err != nil {
		return nil, err
	}
	s := &session{member: m, line: client, node: node, asked: begun, since: since, last: last, ready: make(chan struct{}), done: make(chan struct{})}
	go s.read(client)
	select {
	case <-s.ready:
		return s, nil
	case <-s.done:
		return nil, s.err
	case <-ctx.Done():
		s.end()
		return nil, ctx.Err()
	}
}

// resumption returns what a member says of where it stands; since negative: nothing. Where
// fail-overs lose events, it says so only if it can say which message it has there, and
// never says an earlier number, as the contract has it. m.mu is held.
func (m *member) resumption() (since int64, last string) {
	const forgetful, earlier = 0.2, 0.1
	losing := m.crew.cfg.Losses != nil
	if !m.joined || m.rng.Float64() < forgetful || (losing && m.last == "") {
		return -1, ""
	}
	if base := m.crew.book.base(m.room); m.rng.Float64() < earlier && m.at > base && !losing {
		return base + m.rng.Int64N(m.at-base), ""
	}
	return m.at, m.last
}

// beginAnew forgets all, because the database went back. m.mu is held.
func (m *member) beginAnew(node int, alive bool) {
	m.note(ledger.Record{Kind: ledger.Anew, Node: node + 1, Alive: alive})
	m.joined, m.at, m.last, m.adrift, m.told, m.known, m.heard, m.mine = false, 0, "", false, 0, 0, "", nil
	m.has, m.early = copies{}, nil
}

// spend stays connected for a while and acts.
func (m *member) spend(s *session) {
	if err := m.catchUp(); err != nil {
		return
	}
	m.greet(s)
	stay := m.jitter(2 * m.crew.cfg.Session)
	if m.habit == restless {
		stay = m.jitter(20 * time.Millisecond)
		if m.acting() && m.draw() < restlessActs {
			m.act(s)
		}
	}
	over := time.NewTimer(stay)
	defer over.Stop()
	for {
		next := time.NewTimer(m.pauseBetween())
		m.resend(s)
		select {
		case <-next.C:
			if m.acting() {
				m.act(s)
			}
		case <-over.C:
			next.Stop()
			if m.acting() {
				m.takeLeave(s)
				return
			}
		case <-s.done:
			next.Stop()
			return
		case <-m.crew.living.Done():
			next.Stop()
			return
		}
	}
}

// catchUp fetches what a resume left out.
func (m *member) catchUp() error {
	for {
		m.mu.Lock()
		since, last, more := m.at, m.last, m.adrift
		m.mu.Unlock()
		if !more {
			return nil
		}
		p, err := m.changes(m.crew.living, since, last, "")
		if err != nil {
			return err
		}
		m.mu.Lock()
		switch {
		case !m.adrift: // told to begin anew meanwhile
		case p.Seq < since:
			m.beginAnew(p.node, false)
			err = errAnew
		default:
			m.page(since, last, &p)
			if !p.HasMore {
				m.adrift = false
				m.patchEarly()
				if m.told > m.at {
					m.at, m.last = m.told, m.toldOf
				}
			}
		}
		m.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// page takes in a page. m.mu is held.
func (m *member) page(since int64, last string, p *page) {
	m.note(ledger.Record{Kind: ledger.Paged, Since: since, Last: last, Seq: p.Seq, More: p.HasMore, Node: p.node + 1})
	m.show(since, p.Results)
	if p.Seq > m.at {
		m.last = lastOf(p.Seq, p.Results)
	}
	m.at = p.Seq
}

// lastOf returns the message that event at left behind, if it is among those.
func lastOf(at int64, messages []message) string {
	for i := range messages {
		if messages[i].Rev == at {
			return messages[i].ID
		}
	}
	return ""
}

// show notes messages of a history, resume or page. m.mu is held.
func (m *member) show(since int64, messages []message) {
	for i := range messages {
		r := messages[i].record(ledger.Shown)
		r.Since = since
		m.note(r)
		m.recognise(&messages[i])
	}
}

// note adds a record of this member's.
func (m *member) note(r ledger.Record) {
	r.Room, r.Client = m.room, m.id
	m.crew.book.note(r)
}
