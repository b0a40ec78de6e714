package socket

import (
	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// pong is shared by all connections.
var pong = netpoll.NewPayload(protocol.Pong)

// handle does what a client's frame asks for. The frame is decoded even where
// the rate limit refuses it, for the client_id of the refusal.
func (s *session) handle(payload []byte) {
	ok := s.takeFrame(s.conn.Loop().Now())
	var f protocol.Frame
	refused := protocol.DecodeFrame(payload, &f, s.h.svc.Rules())
	t, in := s.about(&f.Place)
	if !ok {
		refused = protocol.ErrRateLimited
	}
	switch class := f.Kind.Class(); {
	case refused != nil:
	case class == protocol.Control && f.Kind != protocol.KindWatch:
		refused = s.control(&f)
	case t == nil && f.Place.ID == noRoom && f.Place.Given == "":
		refused = protocol.ErrChatRoomField
	case t == nil:
		refused = protocol.ErrNotSubscribed
	case class == protocol.Event, class == protocol.Mark:
		op := &room.Op{Intent: f.Intent, Via: t}
		if s.version > 1 {
			op.Trace = f.Trace
		}
		t.submit(op)
	case class == protocol.Notice:
		user := s.user.User()
		s.h.svc.Notify(t.in.room, &user, &f.Intent)
	case f.Kind == protocol.KindWatch:
		t.watch(&f.Intent)
	default: // nothing here does such a kind yet
		refused = protocol.ErrInternal
	}
	if refused != nil {
		s.refuse(refused, f.ClientID, in)
	}
}

// about returns the seat that a frame is about, or nil, and the room that a refusal of it
// names: none on a room's socket.
func (s *session) about(named *protocol.Place) (*seat, protocol.Place) {
	if s.seats == nil {
		return &s.seat, protocol.Place{}
	}
	if t := s.seatAt(named); t != nil {
		return t, t.place()
	}
	return nil, *named
}

// place is what a refusal says of the seat's room: nothing on a room's socket.
func (t *seat) place() protocol.Place {
	if t.session.seats == nil {
		return protocol.Place{}
	}
	return protocol.Place{ID: t.in.room}
}

// control does what concerns the connection.
func (s *session) control(f *protocol.Frame) (refused *protocol.Error) {
	switch {
	case f.Kind == protocol.KindPing:
		s.conn.Send(pong)
	case f.Kind == protocol.KindAuth:
		return s.auth(f)
	case s.seats == nil: // it has its room
		return protocol.ErrUnknownType
	case f.Kind == protocol.KindSubscribe:
		return s.subscribe(f)
	case f.Kind == protocol.KindUnsubscribe:
		s.unsubscribe(f)
	}
	return nil
}

// submit sends an op on its way. An event that is stored comes back as the room's, like
// everybody else's. What else there is to say of the outcome is answered here: also where
// what is asked for is so, and the room hears nothing.
func (t *seat) submit(op *room.Op) {
	s := t.session
	if s.answer == nil {
		loop, may := s.conn.Loop(), s.may
		s.answer = func(op *room.Op) {
			switch {
			case s.acks(op):
				loop.Post(func() { s.answered(op) })
			case op.Message != nil && op.Seq == 0:
				s.repeat(op, may)
			case op.Outcome == room.Stored:
			default:
				loop.Post(func() { s.answered(op) })
			}
		}
	}
	op.Room, op.Trip, op.Sender, op.May, op.Answer = t.in.room, t.in.trip, s.user.User(), t.rights, s.answer
	op.At = s.conn.Loop().Now()
	if op.Kind == protocol.KindRead && op.ClientID == "" { // nobody waits for it
		s.h.svc.MarkRead(op)
		return
	}
	s.h.svc.Submit(op)
}

// acks reports whether the client is told that what it asked for is done. A message comes
// back, which says as much.
func (s *session) acks(op *room.Op) bool {
	return s.version > 1 && op.Err == nil && op.ClientID != "" && op.Kind != protocol.KindMessage
}

// answered tells the client what became of its op.
func (s *session) answered(op *room.Op) {
	if s.state != open {
		return
	}
	switch {
	case s.acks(op):
		s.conn.SendText(protocol.AppendAck(nil, op.Room, op.ClientID))
	case op.Err != nil:
		t, in := s.about(&protocol.Place{ID: op.Room})
		s.refuse(op.Err, op.ClientID, in)
		if t != nil && op.Err.Code == protocol.CodeForbidden { // the store knows better: the user may have to go
			s.loop().doubt(t)
		}
	}
}

func (s *session) refuse(why *protocol.Error, clientID string, in protocol.Place) {
	s.conn.SendText(protocol.AppendErrorIn(nil, in, why, clientID))
}

// form is what this transport makes of batches and histories.
const form room.Form = "websocket"

// byVersion is a batch that is told in two ways: the frames for clients of version 1, and for
// those of version 2.
type byVersion struct{ one, two *netpoll.Payload }

// of returns what a client of the version is told.
func (p *byVersion) of(version uint8) *netpoll.Payload {
	if version > 1 {
		return p.two
	}
	return p.one
}

// frameBatch and frameHistory make the bytes that connections share. Of nearly all batches
// those are the same for all, and frameBatch makes a Payload; otherwise a byVersion.
func frameBatch(b *room.Batch) any {
	if len(b.Events) == 1 && b.Events[0].Patch == nil {
		return netpoll.NewPayload(b.Events[0].Frame)
	}
	texts := make([][]byte, len(b.Events))
	for i := range b.Events {
		texts[i] = b.Events[i].Frame
	}
	one := netpoll.NewPayload(texts...)
	if !b.Patched() {
		return one
	}
	for i := range b.Events {
		if patch := b.Events[i].Patch; patch != nil {
			texts[i] = patch
		}
	}
	return &byVersion{one, netpoll.NewPayload(texts...)}
}

func frameHistory(h *room.History) any { return netpoll.NewPayload(h.Frame) }

// sendNewer sends the part of a batch that comes after seq, if there is one.
func (s *session) sendNewer(b *room.Batch, seq int64) {
	if b = b.After(seq); b == nil {
		return
	}
	switch p := b.Derive(form, frameBatch).(type) {
	case *netpoll.Payload:
		s.conn.Send(p)
	case *byVersion:
		s.conn.Send(p.of(s.version))
	}
}
