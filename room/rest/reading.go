package rest

import (
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// markRead notes up to which number the caller has read, and answers with what is unread
// after it.
func (c *call) markRead() {
	if !c.jsonBody() {
		return
	}
	seq, refused := protocol.DecodeReadBody(c.body.bytes)
	if refused != nil {
		c.refuse(refused)
		return
	}
	stop := c.looking()
	access, ok := c.enter(placeID(c.id))
	if stop(); !ok {
		return
	}
	op := &room.Op{
		Intent: protocol.Intent{Kind: protocol.KindRead, UpTo: seq},
		Room:   access.Room.ID, Trip: access.Room.TripID, Sender: access.User, May: access.May,
	}
	if !c.carryOut(op) {
		return
	}
	defer c.looking()()
	reading, err := c.cfg.Chat.Reading(c.ctx, c.caller.User, access.Room.ID)
	if err != nil {
		c.fail(err)
		return
	}
	c.answer(fasthttp.StatusOK, protocol.AppendReading(nil, reading.Seq, reading.Unread, reading.Mentions))
}

// listReads answers with who has read how far, by user.
func (c *call) listReads() {
	access, ok := c.enter(placeID(c.id))
	if !ok {
		return
	}
	limit, refused := c.limitParam()
	if refused != nil {
		c.refuse(refused)
		return
	}
	after, refused := c.cursorParam()
	if refused != nil {
		c.refuse(refused)
		return
	}
	page, err := c.cfg.Chat.ReadMarks(c.ctx, room.ReadMarksQuery{User: c.caller.User, Room: access.Room.ID, After: after, Limit: limit})
	if err != nil {
		c.fail(err)
		return
	}
	next := ""
	if page.HasMore {
		next = c.link(apiPrefix+"rooms/"+c.id+"/reads/", "cursor", page.Marks[len(page.Marks)-1].User.String(), limit)
	}
	c.answer(fasthttp.StatusOK, protocol.AppendReadMarks(nil, page.Marks, next))
}
