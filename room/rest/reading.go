package rest

import (
	"github.com/google/uuid"
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
		c.failAfterwards(err)
		return
	}
	c.answer(fasthttp.StatusOK, protocol.AppendReading(nil, reading.Seq, reading.Unread, reading.Mentions))
}

// listReads answers with who has read how far, by user.
func (c *call) listReads() {
	defer c.watch()()
	access, ok := c.enter(placeID(c.id))
	if !ok {
		return
	}
	limit, refused := c.limitParam()
	if refused != nil {
		c.refuse(refused)
		return
	}
	after, refused := c.afterUserParam()
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
		next = c.link(apiPrefix+"rooms/"+c.id+"/reads/", "after", page.Marks[len(page.Marks)-1].User.String(), limit)
	}
	c.answer(fasthttp.StatusOK, protocol.AppendReadMarks(nil, page.Marks, next))
}

// listReaders answers with who has read up to a message, or further, by user.
func (c *call) listReaders() {
	defer c.watch()()
	m, _, ok := c.visibleMessage()
	if !ok {
		return
	}
	limit, refused := c.limitParam()
	if refused != nil {
		c.refuse(refused)
		return
	}
	after, refused := c.afterUserParam()
	if refused != nil {
		c.refuse(refused)
		return
	}
	q := room.ReadersQuery{Room: m.RoomID, Sender: m.Sender.ID, Seq: m.Seq, After: after, Limit: limit}
	page, err := c.cfg.Chat.Readers(c.ctx, c.caller.User, q)
	if err != nil {
		c.fail(err)
		return
	}
	next := ""
	if n := len(page.Users); page.HasMore && n > 0 {
		next = c.link(apiPrefix+"messages/"+c.id+"/readers/", "after", page.Users[n-1].ID.String(), limit)
	}
	c.answer(fasthttp.StatusOK, protocol.AppendReaders(nil, page.Count, page.Users, next))
}

// afterUserParam reads after which user a list of users goes on.
func (c *call) afterUserParam() (uuid.UUID, *protocol.Error) {
	args := c.http.QueryArgs()
	if !args.Has("after") {
		return uuid.Nil, nil
	}
	id := placeID(string(args.Peek("after")))
	if id == uuid.Nil {
		return id, invalid("after must come from the answer before")
	}
	return id, nil
}
