package rest

import (
	"mime"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
)

// send stores a message.
func (c *call) send() {
	if !c.jsonBody() {
		return
	}
	var body protocol.SendBody
	if refused := protocol.DecodeSendBody(c.http.PostBody(), &body, c.cfg.Chat.Rules()); refused != nil {
		c.refuse(refused)
		return
	}
	place := body.Room
	if !body.RoomOK {
		place = uuid.Nil
	}
	stop := c.looking()
	access, ok := c.enter(place)
	if stop(); !ok {
		return
	}
	c.do(&room.Op{Intent: body.Intent, Room: access.Room.ID, Trip: access.Room.TripID, Sender: access.User, May: access.May}, fasthttp.StatusCreated)
}

// edit replaces the content of the caller's own message.
func (c *call) edit() {
	if !c.jsonBody() {
		return
	}
	content, refused := protocol.DecodeEditBody(c.http.PostBody(), c.cfg.Chat.Rules())
	if refused != nil {
		c.refuse(refused)
		return
	}
	m, access, ok := c.visibleInTime()
	switch {
	case !ok:
	case content == "" && (m.Extra == nil || len(m.Extra.Attachments) == 0):
		c.refuse(protocol.ErrEmptyContent)
	case m.Sender.ID != c.caller.User:
		c.refuse(errNotToEdit)
	default:
		c.change(&m, &access, protocol.Intent{Kind: protocol.KindEdit, Content: content})
	}
}

// do carries out an op and answers with the message that it is about, if there is one.
func (c *call) do(op *room.Op, stored int) {
	switch {
	case !c.carryOut(op):
	case op.Outcome == room.Stored:
		c.outcome(stored, op.Message)
	default:
		c.outcome(fasthttp.StatusOK, op.Message)
		c.may.Charge(allowance.FrameBytes, len(c.http.Response.Body()), time.Now()) // a few bytes may ask for many
	}
}

// carryOut reports whether an op is stored, or was before, or refuses.
func (c *call) carryOut(op *room.Op) bool {
	if err := c.cfg.Chat.Do(c.ctx, op); err != nil {
		c.refuse(protocol.ErrUnknownOutcome) // the op goes on without us
		return false
	}
	switch op.Outcome {
	case room.Stored, room.Duplicate:
		if c.changed = true; op.Timeline > 0 {
			c.from = op.Timeline
		}
		return true
	case room.Refused:
		refused := op.Err
		switch refused {
		case protocol.ErrNotCollaborator, // since the call began: as for who was none before
			protocol.ErrNotFound: // it was deleted
			refused = errNotFound
		}
		if refused.Code == protocol.CodeQuota {
			c.retryAfter(quotaWait(refused, time.Now()))
		}
		c.refuse(refused)
	case room.Pending:
		panic("rest: an op was answered without an outcome")
	}
	return false
}

// outcome answers with a message, or, where m is nil, that there is none to show.
func (c *call) outcome(status int, m *protocol.Message) {
	if m == nil {
		if !c.superseded() {
			c.http.SetStatusCode(fasthttp.StatusNoContent)
		}
		return
	}
	defer c.looking()()
	own, err := c.cfg.Chat.Own(c.ctx, c.caller.User, *m)
	if err != nil {
		own = *m // it is stored, whatever else cannot be read
	}
	c.answer(status, protocol.AppendMessage(nil, &own))
}

// jsonBody reads the body, which must say that it is JSON, or refuses. No body is left
// to the decoder.
func (c *call) jsonBody() bool {
	if c.length == 0 && !c.chunked {
		return true
	}
	header := &c.http.Request.Header
	kind, _, err := mime.ParseMediaType(string(header.ContentType()))
	encoding := string(header.ContentEncoding())
	if err != nil || kind != "application/json" || (encoding != "" && !strings.EqualFold(encoding, "identity")) {
		c.refuse(errMediaType)
		return false
	}
	return c.readBody()
}
