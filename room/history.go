package room

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/unsent"
)

// History is a room's past as a newcomer gets it: one frame, and the number
// after which live events go on. It never changes, so newcomers share it.
type History struct {
	Frame []byte // JSON text
	Seq   int64
	// Timeline was known before the history was read. See Service.Superseded.
	Timeline Timeline
	// Nameless are messages of it with reactions that do not say who they are from.
	Nameless []uuid.UUID
	// Unsent has begun for each to whom the history was given, who calls its Gone once.
	Unsent *unsent.Answer

	rows  int      // that were read for it alone
	sizes []uint32 // of each message in Frame, in bytes; nil: it cannot be cut
	forms forms
}

// Cost is how many bytes of a user's allowance the history takes.
func (h *History) Cost() int { return readCost(len(h.Frame), h.rows) }

// Derive returns what make made of the history the first time it was called with
// the form.
func (h *History) Derive(f Form, make func(*History) any) any {
	return h.forms.derive(f, func() any { return make(h) })
}

// History answers with a room's last messages: from memory where they are kept
// there, otherwise from the store, in one look with others who ask. done is
// called once, from a goroutine of the service or at once; it must not block. It is
// not called at all where left, which any goroutine may call, says that the client has
// gone before the store was asked. Its error wraps ErrUnavailable, and ErrCrowded where
// too much is unsent.
//
// Who follows the room from before the call misses nothing by dropping the
// events up to History.Seq.
func (s *Service) History(of protocol.RoomInfo, left func() bool, done func(*History, error)) {
	if h, _ := s.Recent(of, math.MaxInt); h != nil {
		done(h, nil)
		return
	}
	s.latest.do(of, asker[*History]{left: left, done: func(h *History, err error) {
		if err == nil {
			h.Unsent.Begin()
		}
		done(h, err)
	}})
}

// HistoryAndNext is History, and has the histories of the rooms that the client comes to next
// read in the same look, as far as they are not in memory: there they are then. Where memory has
// hardly any room for them, or the look has none, they are read when it is their turn. next is no longer the caller's.
func (s *Service) HistoryAndNext(of protocol.RoomInfo, next []protocol.RoomInfo, left func() bool, done func(*History, error)) {
	next = slices.DeleteFunc(next, func(r protocol.RoomInfo) bool { return r == of || s.hub.hasTail(r.Room) })
	if len(next) == 0 || s.backplane != nil && !s.backplane.Healthy() || !s.hub.keepsMore() { // what is kept would not be used
		s.History(of, left, done)
		return
	}
	s.latest.doAndNext(of, next, asker[*History]{left: left, done: func(h *History, err error) {
		if err == nil {
			h.Unsent.Begin()
		}
		done(h, err)
	}})
}

// Recent returns what History would answer from memory, or nil. What is not made yet, of
// more than so many bytes, is not made: large says so, and that History would make it.
func (s *Service) Recent(of protocol.RoomInfo, bytesMax int) (past *History, large bool) {
	if s.backplane != nil && !s.backplane.Healthy() {
		return nil, false
	}
	if past, large = s.hub.recent(of, bytesMax); past == nil {
		return nil, large
	}
	s.stats.HistoriesFromTail.Add(1)
	past.Unsent.Begin()
	return past, false
}

// Newest returns what is left of a history of the room that has so many messages at most: the
// newest ones. It takes the place of the longer one, which is on its way no more.
func (s *Service) Newest(of protocol.RoomInfo, past *History, messages int) *History {
	if messages <= 0 || messages >= len(past.sizes) {
		return past
	}
	bodies := past.newest(messages)
	short := newHistory(of, bodies, past.Seq)
	short.Timeline = past.Timeline
	past.Unsent.Gone()
	short.Unsent = s.cfg.Unsent.Answer(len(short.Frame))
	short.Unsent.Begin()
	return short
}

// NewestBytes is how many bytes Newest makes of a history; zero: none, as it has no more messages.
func (h *History) NewestBytes(messages int) (n int) {
	if messages <= 0 || messages >= len(h.sizes) {
		return 0
	}
	for _, size := range h.sizes[len(h.sizes)-messages:] {
		n += int(size)
	}
	return n
}

// newest returns its last n messages, which are parts of its frame.
func (h *History) newest(n int) (bodies [][]byte) {
	const before = `"messages":[`
	at := bytes.Index(h.Frame, []byte(before)) + len(before)
	for i, size := range h.sizes {
		end := at + int(size)
		if i >= len(h.sizes)-n {
			bodies = append(bodies, h.Frame[at:end])
		}
		at = end + len(`,`)
	}
	return bodies
}

// InTurn has do called from a goroutine of the service when it is the user's turn, one of
// the user's after another: what makes an answer of what is in memory, which may take a
// thousand times as long as to ask for it. do must not block. Its error wraps
// ErrRateLimited where too much of the user waits already, or ErrUnavailable.
func (s *Service) InTurn(user uuid.UUID, do func()) error {
	return s.making.put(user, func(context.Context) { do() })
}

// Resume answers with what changed in a room after the number since, when it is the
// user's turn: no two clients need stand at the same number, so each is a question of its own, which
// shares a look with others.
// left and done are as those of History. Where more than the frame holds has changed,
// History.Seq is still the number that live events go on from. Its error may also wrap
// ErrRateLimited.
//
// Where the store went back behind what the client has, the answer has it begin anew.
func (s *Service) Resume(of protocol.RoomInfo, q SinceQuery, left func() bool, done func(*History, error)) {
	q.Room, q.live = of.Room, true
	if q.Limit <= 0 || q.Limit > protocol.ResumeMessagesMax {
		q.Limit = protocol.ResumeMessagesMax
	}
	s.since.do(q, asker[Page]{left: left, done: func(p Page, err error) {
		switch {
		case err != nil:
			done(nil, err)
		case p.Rewound:
			done(s.madeHistory(&p, protocol.AppendRewound(nil, of)), nil)
		default:
			h := s.madeHistory(&p, protocol.AppendResume(nil, of, q.Since, p.Bodies, p.Stand, p.HasMore))
			h.Nameless = nameless(p.Bodies)
			done(h, nil)
		}
	}})
}

// nameless are the messages with reactions that do not say who they are from.
func nameless(bodies [][]byte) (messages []uuid.UUID) {
	for _, body := range bodies {
		if id, is := protocol.Nameless(body); is {
			messages = append(messages, id)
		}
	}
	return messages
}

// madeHistory is a history for one client.
func (s *Service) madeHistory(p *Page, frame []byte) *History {
	h := &History{Seq: p.Seq, Timeline: p.Timeline, Frame: frame, Unsent: s.cfg.Unsent.Answer(len(frame)), rows: p.rows}
	h.Unsent.Begin()
	return h
}

// readHistories is the latest combiner's look into the store.
func (s *Service) readHistories(ctx context.Context, of []protocol.RoomInfo) ([]*History, error) {
	if !s.cfg.Unsent.Open() {
		return nil, ErrCrowded
	}
	births, t := s.hub.births.Load(), s.store.Timeline()
	rooms := make([]uuid.UUID, len(of))
	for i := range of {
		rooms[i] = of[i].Room
	}
	pages, err := s.store.Latest(ctx, rooms, Limit{s.cfg.HistoryMessages, s.cfg.HistoryBytes})
	if err == nil {
		err = s.findEnds(ctx, rooms, pages, t)
	}
	if err == nil && s.Superseded(t) {
		err = ErrSuperseded
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	histories := make([]*History, len(rooms))
	for i := range pages {
		if histories[i] = s.hub.keepTail(of[i], &pages[i], births); histories[i] == nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, ErrSuperseded)
		}
	}
	return histories, nil
}

// findEnds finds which rows the last numbers of pages belong to. A page does not show it where
// the last event is not a new message. The store is asked where there are timelines, and
// somebody may have to be told that the row is lost.
func (s *Service) findEnds(ctx context.Context, rooms []uuid.UUID, pages []Page, t Timeline) error {
	var unknown []uuid.UUID
	var of []*Page
	for i := range pages {
		p := &pages[i]
		p.Timeline = t
		if p.last = p.end(); t > 0 && p.Seq > 0 && p.last.row == (uuid.UUID{}) && s.hub.lacksRow(rooms[i], p.Seq) {
			unknown, of = append(unknown, rooms[i]), append(of, p)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	heads, err := s.store.Heads(ctx, unknown)
	if errors.Is(err, ErrUnreadable) {
		return nil // then the number has to do
	}
	for i, head := range heads {
		if head.Seq >= of[i].Seq { // what came since is of the same history
			of[i].last = cursor{head.Seq, head.Row, head.Message}
		}
	}
	return err
}
