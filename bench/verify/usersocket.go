package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/wire"
)

// userSocket is one connection of a user for all their rooms. Its reader owns what it reads;
// mu guards the rest. It is taken before a member's lock.
type userSocket struct {
	many   *many
	client *wire.Client
	node   int
	token  heldToken // owned by the reader
	done   chan struct{}

	mu     sync.Mutex
	places map[string]*place // by the ids of a room, and of its trip
	wishes []*session        // who waits for the next subscribe
	asks   map[string]ask    // by client_id
	serial int
	gone   bool // its user has left it
}

// ask is a frame about no one room that was not answered yet.
type ask struct {
	kind     string
	sessions []*session // that are subscribed
	room     *place     // that is unsubscribed
	good     bool       // of a token
	since    time.Time
}

// gatherTime is how long members of a user wait for one another, to ask for their rooms in
// one frame.
const gatherTime = 20 * time.Millisecond

// subscribe opens a session on the user's socket, which is opened where there is none.
func (m *member) subscribe(since int64, last string) (*session, error) {
	ctx, cancel := context.WithTimeout(m.crew.living, dialTimeout)
	defer cancel()
	k, err := m.many.open(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{member: m, node: k.node, asked: time.Now(), since: since, last: last, ready: make(chan struct{}), done: make(chan struct{})}
	if m.draw() < shareLimit {
		s.limit = 1 + int(m.draw()*limitMax)
	}
	if err := k.ask(s); err != nil {
		return nil, err
	}
	select {
	case <-s.ready:
		return s, nil
	case <-s.done:
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.token.ended(s.err) {
			return nil, errCut
		}
		return nil, s.err
	case <-ctx.Done():
		k.quit() // the answer may still come, and would be nobody's
		<-s.done
		return nil, ctx.Err()
	}
}

// ask puts a session into the next subscribe.
func (k *userSocket) ask(s *session) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-k.done:
		return errCut
	default:
	}
	if k.gone {
		return errCut
	}
	trip := fleet.Trip(s.member.room).String()
	p := k.places[trip]
	if p == nil {
		p = &place{socket: k, trip: trip}
		k.places[trip] = p
	}
	s.line, p.asked = p, s
	if k.wishes = append(k.wishes, s); len(k.wishes) == 1 {
		time.AfterFunc(gatherTime, k.subscribe)
	}
	return nil
}

// errCut ends a session whose user's socket has ended, or that was asked for too early.
var errCut = errors.New("the room was not subscribed")

// subscribe sends what is asked for.
func (k *userSocket) subscribe() {
	k.mu.Lock()
	defer k.mu.Unlock()
	rooms := make([]map[string]any, len(k.wishes))
	for i, s := range k.wishes {
		rooms[i] = map[string]any{"id": fleet.Trip(s.member.room).String()}
		if s.since >= 0 {
			rooms[i]["since"] = s.since
		}
		if s.last != "" {
			rooms[i]["since_id"] = s.last
		}
		if s.limit > 0 {
			rooms[i]["limit"] = s.limit
		}
	}
	name := k.name(ask{kind: "subscribe", sessions: k.wishes})
	k.wishes = nil
	k.send(map[string]any{"type": "subscribe", "rooms": rooms, "client_id": name})
}

// name notes that something is asked, and returns its client_id. k.mu is held.
func (k *userSocket) name(a ask) string {
	k.serial++
	a.since = time.Now()
	name := fmt.Sprintf("%s-%d", a.kind, k.serial)
	k.asks[name] = a
	return name
}

// send writes a frame. An error shows in the reader; one for which the server took nothing for
// long is the user's, who gives up. k.mu is held.
func (k *userSocket) send(frame map[string]any) {
	b, err := json.Marshal(frame)
	if err != nil {
		panic("verify: " + err.Error()) // strings and numbers always encode
	}
	if err := k.client.Write(b); errors.Is(err, os.ErrDeadlineExceeded) {
		k.leave()
		k.client.Abort()
	}
}

// quit cuts the connection of all the user's rooms, which is the user's doing.
func (k *userSocket) quit() {
	k.mu.Lock()
	k.leave()
	k.mu.Unlock()
	k.client.Abort()
}

// leave notes that the end of the socket, which comes now, is its user's. k.mu is held.
func (k *userSocket) leave() {
	k.gone = true
	for _, p := range k.places {
		for _, s := range []*session{p.heard, p.asked} {
			if s != nil {
				s.leave()
			}
		}
	}
}

// read handles what the server says until the socket ends, and all sessions on it with it.
func (k *userSocket) read() {
	late, quiet, err := readAll(k.client, k.receive)
	how := ledger.Record{Late: late.Milliseconds()}
	how.Token, how.After = true, time.Since(k.token.until).Milliseconds()
	k.mu.Lock()
	defer k.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		k.leave()
	}
	close(k.done)
	for _, name := range slices.Sorted(maps.Keys(k.asks)) {
		k.unanswered(name, ledger.Cut)
	}
	var odd *oddFrame
	if errors.As(err, &odd) { // also where nobody has a room yet
		how.Kind, how.Code = ledger.Ended, err.Error()
		k.many.note(how)
		k.leave()
	}
	for _, id := range slices.Sorted(maps.Keys(k.places)) {
		if p := k.places[id]; p.trip == id { // each once
			p.end(err, how, quiet)
		}
	}
}

// oddFrame is what a server says on a user's socket, and has no place there.
type oddFrame struct{ what string }

func (f *oddFrame) Error() string { return f.what }

func odd(format string, args ...any) error { return &oddFrame{fmt.Sprintf(format, args...)} }

// addressed is what a frame says of whom it is for.
type addressed struct {
	Type     string          `json:"type"`
	Room     string          `json:"chat_room_id"`
	Trip     string          `json:"trip_id"`
	Code     json.RawMessage `json:"code"` // of left a number, of an error a text
	ClientID string          `json:"client_id"`
	Message  json.RawMessage `json:"message"` // an object, or the text of an error
	Expires  time.Time       `json:"expires_at"`
	Seq      int64           `json:"seq"`
	HasMore  bool            `json:"has_more"`

	Duplicate bool `json:"duplicate"`
}

// receive gives a frame to the session that hears its room.
func (k *userSocket) receive(text []byte) error {
	var f addressed
	if err := json.Unmarshal(text, &f); err != nil {
		return odd("a frame that is no JSON: %v", err)
	}
	if f.Type == "chat_message" || f.Type == "message_edited" {
		var msg struct {
			Room string `json:"chat_room_id"`
		}
		if err := json.Unmarshal(f.Message, &msg); err != nil {
			return odd("a message that is no JSON: %v", err)
		}
		f.Room = msg.Room
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if k.token.since.IsZero() {
		k.token.since = now
	}
	if err := k.hurry(now); err != nil {
		return err
	}
	switch {
	case f.Type == "token_expiring":
		return k.expiring(f.Expires)
	case f.Type == "message_history":
		return k.history(&f, text)
	case f.Type == "left":
		return k.left(&f)
	case f.Type == "pong":
		return k.pong(now)
	case f.Type == "closing": // its end follows
		return nil
	case f.Room == "" && (f.Type == "ack" || f.Type == "error"):
		return k.answered(&f)
	}
	p := k.places[f.Room]
	switch {
	case p != nil && p.heard != nil:
		return k.give(p, text)
	case f.Type == "ack", f.Type == "error", f.Duplicate:
		return nil // it answers what was said before the room had ended
	}
	return odd("a frame of type %q of a room that is not subscribed", f.Type)
}

// give lets the session of a place take a frame. Where it is of no use any more, the user
// cuts the connection, and comes back. k.mu is held.
func (k *userSocket) give(p *place, text []byte) error {
	if p.parting {
		return nil // its member has left
	}
	err := p.heard.receive(text)
	if errors.Is(err, errAnew) || errors.Is(err, errJump) {
		k.leave()
	}
	return err
}

// history begins the session that asked for it, in place of the one that heard the room so far.
// One that says that the database went back is for that one. k.mu is held.
func (k *userSocket) history(f *addressed, text []byte) error {
	p := k.places[f.Trip]
	switch {
	case p == nil, p.asked == nil && p.heard == nil:
		return odd("a history of a room that was not asked for")
	case p.asked == nil, p.heard != nil && f.Seq == 0 && f.HasMore:
		return k.give(p, text)
	}
	p.room = f.Room
	k.places[f.Room] = p
	before := p.heard
	p.heard, p.asked = p.asked, nil
	if before != nil {
		before.leave()
		before.over(nil, ledger.Record{}, time.Now())
	}
	return k.give(p, text)
}

// left ends a room, or says that it cannot be heard. k.mu is held.
func (k *userSocket) left(f *addressed) error {
	p := k.places[f.Room]
	if p == nil {
		return odd("left names %q, which is no room of the user's", f.Room)
	}
	var code uint16
	if err := json.Unmarshal(f.Code, &code); err != nil {
		return odd("left without a code: %v", err)
	}
	ended := &wire.CloseError{Code: code}
	if p.asked != nil && f.Room == p.room && p.heard != nil { // what was asked is still to come
		p.heard.over(ended, ledger.Record{}, time.Now())
		p.heard = nil
		return nil
	}
	if p.asked == nil && p.heard == nil && !p.parting && f.Room != p.trip {
		return odd("left is about a room that is not subscribed")
	}
	if p.asked != nil && p.heard != nil {
		p.heard.leave() // for what was asked in its place, and is refused
	}
	p.end(ended, ledger.Record{}, time.Now())
	return nil
}

// answered takes the answer to what is about no one room. k.mu is held.
func (k *userSocket) answered(f *addressed) error {
	a, asked := k.asks[f.ClientID]
	if !asked {
		return odd("a frame of type %q about %q, which was not asked", f.Type, f.ClientID)
	}
	delete(k.asks, f.ClientID)
	code := ""
	if f.Type == "error" {
		if err := json.Unmarshal(f.Code, &code); err != nil {
			return odd("an error without a code: %v", err)
		}
	}
	switch {
	case a.kind == "auth":
		return k.renewed(f, a, code)
	case code != "" && (code != "rate_limited" || a.kind != "subscribe"):
		return odd("%s was refused with %q", a.kind, code)
	case a.kind == "unsubscribe":
		if p := a.room; p.parting {
			p.heard.over(nil, ledger.Record{}, time.Now())
			p.heard, p.parting = nil, false
		}
	}
	for _, s := range a.sessions {
		p := k.places[fleet.Trip(s.member.room).String()]
		switch {
		case p.asked != s:
		case code == "":
			return odd("a subscribe is acknowledged before all its rooms are answered")
		default: // it is asked for again, a little later
			s.over(errCut, ledger.Record{}, time.Now())
			p.asked = nil
		}
	}
	return nil
}

// hurry notes what a server that lives has not answered. k.mu is held.
func (k *userSocket) hurry(now time.Time) error {
	for name, a := range k.asks {
		if now.Sub(a.since) > k.many.crew.cfg.Answer {
			k.unanswered(name, ledger.Silent)
			return odd("no answer to %s", a.kind)
		}
	}
	k.overdue(now)
	return nil
}
