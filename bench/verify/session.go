package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/wire"
)

// messageBytesMax holds a resume of 1,000 long messages.
const messageBytesMax = 64 << 20

// line carries what a member says on a session: a connection, or a place on a user's socket.
type line interface {
	Write(texts ...[]byte) error
	Close()
	Abort()
}

// session is one connection of a member, or its subscription on a user's socket. Who reads it
// owns what it reads; the rest is guarded by the member's lock.
type session struct {
	member *member
	line   line
	node   int           // of the crew's
	since  int64         // what it asked for; -1: nothing
	last   string        // and the message that it has there; empty: it did not say
	asked  time.Time     // when
	ready  chan struct{} // closed after the first frame
	done   chan struct{} // closed when it has ended and is accounted for
	limit  int           // of messages in its history, which it asked for; zero: none
	err    error         // why it ended; after done
	once   sync.Once
	left   bool // by the member
	ended  bool // its attempts are cut
	first  bool // the first frame has come; owned by read
	anew   bool // its member was told to begin anew on it; owned by read
	behind bool // the server does not know of all that its member's user has read. Guarded by the member's lock
	own    bool // its member was told what concerns its user: the server speaks version 2. Guarded by the member's lock
}

// end closes the session and waits until it is accounted for. A subscription may instead go on
// until its member has another one in its place.
func (s *session) end() {
	politely := 0.5
	if p, shared := s.line.(*place); shared {
		politely = 1 - shareAbort
		if p.replaces(s) {
			return
		}
	}
	s.once.Do(func() {
		s.leave()
		if s.member.draw() < politely && s.member.crew.living.Err() == nil {
			s.line.Close()
		} else {
			s.line.Abort()
		}
	})
	<-s.done
}

// leave notes that the session's end, which comes now, is its member's.
func (s *session) leave() {
	s.member.mu.Lock()
	defer s.member.mu.Unlock()
	s.left = true
}

// frame is any frame of the server.
type frame struct {
	Type      string          `json:"type"`
	Seq       int64           `json:"seq"`
	Prev      *int64          `json:"prev"`
	Since     *int64          `json:"since"`
	HasMore   bool            `json:"has_more"`
	Duplicate bool            `json:"duplicate"`
	Message   json.RawMessage `json:"message"` // an object, or the text of an error
	Messages  []message       `json:"messages"`
	Code      string          `json:"code"`
	ClientID  string          `json:"client_id"`

	Change    string                     `json:"change"`
	MessageID string                     `json:"message_id"`
	Set       map[string]json.RawMessage `json:"set"`
	Rev       int64                      `json:"rev"`
	ReadSeq   *int64                     `json:"read_seq"`
	V         int                        `json:"v"`
	Reads     []readBy                   `json:"reads"`
	Role      *string                    `json:"role"`
	May       []string                   `json:"permissions"`
}

// read handles what the server says until the session ends. Where the server takes no answer to
// a ping for long, the member has given it up.
func (s *session) read(client *wire.Client) {
	late, quiet, err := readAll(client, s.receive)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.leave()
	}
	s.over(err, ledger.Record{Late: late.Milliseconds()}, quiet)
}

// readAll handles what the server says until the connection ends, or is of no use any more.
// late is the longest time between two reads; quiet is when it last waited for the server, so
// that all that was read since, the end too, came since.
func readAll(client *wire.Client, receive func([]byte) error) (late time.Duration, quiet time.Time, err error) {
	const atOnce = time.Millisecond
	quiet = time.Now()
	for err == nil {
		begun := time.Now()
		var p []byte
		p, err = client.Read()
		read := time.Now()
		if read.Sub(begun) > atOnce {
			quiet = begun
		}
		if err == nil {
			err = receive(p)
			late = max(late, time.Since(read))
		}
	}
	client.Abort()
	return late, quiet, err
}

// over notes that the session has ended, and why, after a time. Attempts that it carried are cut.
func (s *session) over(err error, how ledger.Record, after time.Time) {
	defer close(s.done)
	s.err = err
	m := s.member
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sess == s {
		m.sess = nil
	}
	s.ended = true
	if s.first && !s.left {
		how.Kind, how.Code, how.Sender = ledger.Ended, closeCode(err), m.userID
		if how.Code == broken {
			how.Why = err.Error()
		}
		how.Alive = m.crew.cfg.Ending != nil && !m.crew.cfg.Ending(s.node, after)
		m.note(how)
	}
	m.cutAll(s)
}

// broken is the code of a connection that ended without one.
const broken = "1006"

// closeCode is how a session ended: the code of a close frame, broken where the
// connection broke, or what the server said that it may not.
func closeCode(err error) string {
	var end *wire.CloseError
	var network net.Error
	switch {
	case errors.As(err, &end):
		return strconv.Itoa(int(end.Code))
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return broken
	}
	return err.Error()
}

// errAnew makes a member reconnect as a new one, because the database went back.
var errAnew = errors.New("the database went back")

// errJump makes a member reconnect that was told an event too early; the ledger
// knows why.
var errJump = errors.New("an event came too early")

func (s *session) receive(p []byte) error {
	var f frame
	if err := json.Unmarshal(p, &f); err != nil {
		return fmt.Errorf("a frame that is no JSON: %w", err)
	}
	m := s.member
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case f.Type == "message_history" && !s.first:
		s.first = true
		if f.Seq < s.since || (f.Since != nil && *f.Since < s.since) {
			m.beginAnew(s.node, false)
			s.left = true
			return errAnew
		}
		s.join(&f)
		if !m.v2 || m.crew.cfg.Header { // otherwise own follows
			close(s.ready)
		}
	case f.Type == "message_history" && f.Seq == 0 && f.HasMore && !s.anew: // and its end follows
		s.anew, m.sess = true, nil
		m.beginAnew(s.node, true)
	case s.anew && f.Type != "error":
		return fmt.Errorf("a frame of type %q after it was told to begin anew", f.Type)
	case f.Type == "chat_message" || f.Type == "message_edited":
		var msg message
		if err := json.Unmarshal(f.Message, &msg); err != nil {
			return fmt.Errorf("a message that is no JSON: %w", err)
		}
		msg.node = s.node
		if f.Duplicate && f.Type == "message_edited" { // what was asked for is so already
			m.note(msg.record(ledger.Seen))
			m.recognise(&msg)
			m.changeAnswered(s, &msg)
			return nil
		}
		if f.Duplicate {
			m.acked(s, &msg)
			return nil
		}
		return s.told(&f, &msg)
	case m.v2 && s.later(&f):
	case m.v2 && f.Type == "message_patch":
		return s.patched(&f)
	case f.Type == "error" && f.ClientID == "" && (f.Code == "rate_limited" || f.Code == "unavailable" || f.Code == "forbidden" && m.stay.doubt): // of a typing notice, which nobody misses, or of a mark that is said again
	case f.Type == "error":
		m.refused(s, s.node, f.ClientID, f.Code)
	case f.Type == "typing" || f.Type == "pong":
	default:
		return fmt.Errorf("a frame of type %q, which has no place there", f.Type)
	}
	return nil
}

// join notes where the first frame puts the member.
func (s *session) join(f *frame) {
	m := s.member
	m.sess = s
	from := int64(-1)
	if f.Since != nil {
		from = *f.Since
	}
	m.note(ledger.Record{Kind: ledger.Joined, Since: s.since, Last: s.last, Prev: from, Seq: f.Seq, More: f.HasMore, Limit: s.limit, Node: s.node + 1, Outside: m.stay.isOutside(s.asked)})
	for i := range f.Messages {
		f.Messages[i].node = s.node
	}
	if s.since < 0 {
		m.has = copies{} // as on a new device: of most messages nothing newer is told
	}
	m.show(s.since, f.Messages)
	if f.Seq != s.since || s.last == "" {
		m.last = lastOf(f.Seq, f.Messages)
	}
	m.joined, m.at, m.adrift, m.told = true, f.Seq, f.HasMore, 0
	m.known = max(m.known, f.Seq)
}

// told notes a live event. A member that sees a jump reconnects, as the contract says.
func (s *session) told(f *frame, msg *message) error {
	m := s.member
	prev := f.Seq - 1
	if f.Prev != nil {
		prev = *f.Prev
	}
	r := msg.record(ledger.Told)
	r.Type, r.Seq, r.Prev, r.Made = f.Type, f.Seq, prev, msg.Seq
	r.Change, r.Version = f.Change, s.version()
	m.note(r)
	m.recognise(msg)
	m.answered(s, f, msg)
	return s.moved(f, prev, msg.ID)
}

// later takes in a frame that a server of version 1 does not send, but for patches. m.mu is
// held.
func (s *session) later(f *frame) bool {
	m := s.member
	switch f.Type {
	case "own":
		if f.ReadSeq != nil {
			m.ownMark(s, f)
		}
		if f.Role != nil {
			m.role = *f.Role
			m.note(ledger.Record{Kind: ledger.RoleTold, Sender: m.userID, Code: *f.Role, To: f.May, Node: s.node + 1})
		}
		if !s.own {
			s.own = true
			if !m.crew.cfg.Header {
				close(s.ready)
			}
		}
	case "reads":
		m.readBy(s, f.Reads)
	case "closing": // its end follows
	case "ack":
		m.granted(s, f.ClientID)
	default:
		return false
	}
	return true
}

// patched notes a live event of which only what it changes was told.
func (s *session) patched(f *frame) error {
	m := s.member
	prev := f.Seq - 1
	if f.Prev != nil {
		prev = *f.Prev
	}
	r := ledger.Record{Kind: ledger.Told, Message: f.MessageID, Bare: true}
	if m.adrift {
		m.early = append(m.early, *f)
	} else if prev <= m.at && f.Seq > m.at {
		msg, err := m.has.patch(f)
		if err != nil {
			return fmt.Errorf("a patch that is none: %w", err)
		}
		if msg != nil {
			msg.node = s.node
			r = msg.record(ledger.Told)
			r.Made = msg.Seq
		}
	}
	r.Type, r.Seq, r.Prev, r.Rev, r.Version, r.Node = f.Type, f.Seq, prev, f.Rev, s.version(), s.node+1
	for member, change := range map[string]string{"pinned_at": "pin", "reactions": "summary"} {
		if _, set := f.Set[member]; set {
			r.Change = change
		}
	}
	m.note(r)
	return s.moved(f, prev, f.MessageID)
}

// version is the version of the protocol on the session. The member's lock is held.
func (s *session) version() int {
	if s.own {
		return 2
	}
	return 1
}

// moved moves a member on to a live event.
func (s *session) moved(f *frame, prev int64, message string) error {
	m := s.member
	if m.adrift {
		m.told, m.toldOf = f.Seq, message
		return nil
	}
	if prev > m.at {
		s.left = true
		return errJump
	}
	if f.Seq > m.at {
		m.at, m.last = f.Seq, message
	}
	return nil
}
