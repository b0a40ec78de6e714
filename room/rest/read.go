package rest

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// listRooms answers with the caller's rooms, by id.
func (c *call) listRooms() {
	defer c.watch()()
	access, err := c.cfg.Chat.Access(c.ctx, c.caller.User, uuid.Nil)
	if err != nil {
		c.fail(err)
		return
	}
	if !access.UserKnown {
		c.turnedAway(room.WhyNobody(&access), "")
		c.refuse(errBadToken)
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
	further := func(after uuid.UUID) string { return c.link(apiPrefix+"rooms/", "cursor", after.String(), limit) }
	page, err := c.cfg.Chat.Rooms(c.ctx, room.RoomsQuery{
		User: c.caller.User, After: after, Limit: limit,
		Besides: len(protocol.AppendList(nil, nil, further(after))),
	})
	if err != nil {
		c.fail(err)
		return
	}
	next := ""
	if page.HasMore {
		next = further(page.Rooms[len(page.Rooms)-1].ID)
	}
	c.answer(fasthttp.StatusOK, protocol.AppendList(nil, page.Bodies, next))
}

// room answers with one of the caller's rooms.
func (c *call) room() {
	defer c.watch()()
	access, ok := c.enter(placeID(c.id))
	if !ok {
		return
	}
	body, err := c.cfg.Chat.Room(c.ctx, c.caller.User, &access)
	if err != nil {
		c.fail(err)
		return
	}
	c.answer(fasthttp.StatusOK, body)
}

// page answers with messages of a room: a page of its history, or what changed
// since a number, waited for where the caller wants that.
func (c *call) page() {
	access, ok := c.enter(placeID(c.id))
	if !ok {
		return
	}
	p, refused := c.pageParams()
	switch {
	case refused != nil:
		c.refuse(refused)
	case p.since != nil && p.wait > 0:
		c.longPoll(access.Room, &p)
	case p.since != nil:
		defer c.watch()()
		c.resume(access.Room, &p)
	default:
		defer c.watch()()
		c.history(access.Room, &p)
	}
}

// watch has c.ctx end when the client has hung up, too, until stop: nothing is read for
// who has left.
func (c *call) watch() (stop func()) {
	ctx := c.ctx
	watched, end := c.in.watch(ctx, hungUpWait)
	c.ctx = watched
	return func() {
		end()
		c.ctx = ctx
	}
}

// history answers with messages of a room by seq.
func (c *call) history(in room.Info, p *params) {
	c.stretch("rooms/"+c.id+"/messages/", in, uuid.Nil, in.FirstSeq, p)
}

// listReplies answers with what answers a message, as with a room's history.
func (c *call) listReplies() {
	defer c.watch()()
	m, access, ok := c.visibleMessage()
	if !ok {
		return
	}
	p, refused := c.stretchParams()
	if refused != nil {
		c.refuse(refused)
		return
	}
	c.stretch("messages/"+c.id+"/replies/", access.Room, m.ID, m.Seq+1, &p)
}

// stretch answers with messages of a room by seq: all, or those that answer one of them. None
// of them stands before begin. `next` is newer, `previous` older.
func (c *call) stretch(path string, in room.Info, answer uuid.UUID, begin int64, p *params) {
	path = apiPrefix + path
	older := func(than int64) string { return c.link(path, "before", strconv.FormatInt(than, 10), p.limit) }
	newer := func(than int64) string { return c.link(path, "after", strconv.FormatInt(than, 10), p.limit) }
	page, err := c.cfg.Chat.Page(c.ctx, room.PageQuery{
		User: c.caller.User, Room: in.ID, Answer: answer, Before: p.before, After: p.after, Limit: p.limit,
		Besides: len(protocol.AppendMessagePage(nil, nil, newer(math.MaxInt64), older(math.MaxInt64), in.FirstSeq)),
	})
	if err != nil {
		c.fail(err)
		return
	}
	if p.before != nil && *p.before > page.Seq {
		page.Messages, page.Bodies = nil, nil // like every number beyond the room's last
	}
	var next, previous string
	if n := len(page.Messages); n > 0 {
		first, last := page.Messages[0].Seq, page.Messages[n-1].Seq
		hasOlder, hasNewer := page.HasMore, false
		switch {
		case p.after != nil:
			hasOlder, hasNewer = first > begin, page.HasMore
			if hasOlder && begin > 1 { // numbers of others may lie between
				hasOlder, err = c.any(room.PageQuery{Room: in.ID, Answer: answer, Before: &first})
			}
		case p.before != nil:
			hasNewer = last < page.Seq
			if hasNewer { // what comes after it may be changes, or other messages
				hasNewer, err = c.any(room.PageQuery{Room: in.ID, Answer: answer, After: &last})
			}
		}
		if err != nil {
			c.fail(err)
			return
		}
		if hasOlder {
			previous = older(first)
		}
		if hasNewer {
			next = newer(last)
		}
	}
	c.answer(fasthttp.StatusOK, protocol.AppendMessagePage(nil, page.Bodies, next, previous, in.FirstSeq))
}

// any reports whether a page has messages.
func (c *call) any(q room.PageQuery) (bool, error) {
	q.User, q.Limit = c.caller.User, 1
	page, err := c.cfg.Chat.Page(c.ctx, q)
	return len(page.Messages) > 0, err
}

// resume answers with what changed since a number, by rev.
func (c *call) resume(in room.Info, p *params) {
	page, err := c.cfg.Chat.Since(c.ctx, c.sinceQuery(in.ID, p))
	if err != nil {
		c.fail(err)
		return
	}
	c.answer(fasthttp.StatusOK, protocol.AppendResumePage(nil, page.Bodies, page.Stand, page.HasMore, in.FirstSeq))
}

// longPoll answers like resume, but waits for something to tell: until the time
// is up, the token expires, the client goes away or the server drains.
func (c *call) longPoll(in room.Info, p *params) {
	c.route = routeLongPoll
	c.unplace() // it is counted as a long poll instead
	if !c.pollsOf.begin(c.caller.User, c.cfg.Limits.LongPollsPerUser) {
		c.crowdUser()
		return
	}
	defer c.pollsOf.end(c.caller.User)
	c.uncount()
	defer c.longPolls.Add(-1)
	if c.longPolls.Add(1) > int64(c.cfg.Limits.LongPolls) {
		c.crowd(CrowdedLongPolls)
		return
	}
	c.unreserve() // who waits has no answer yet
	until := time.Now().Add(p.wait)
	if expires := c.caller.Expires; expires.Before(until) {
		until = expires
	}
	ctx, cancel := context.WithDeadline(c.polling, until)
	defer cancel()
	ctx, stop := c.in.watch(ctx, 0)
	defer stop()
	page, err := c.cfg.Chat.Wait(ctx, in, c.sinceQuery(in.ID, p))
	if err != nil {
		c.fail(err)
		return
	}
	c.from = page.Timeline
	if len(page.Messages) > 0 && !c.stillThere(in.ID) {
		return
	}
	if !c.reserve() {
		return
	}
	c.answer(fasthttp.StatusOK, protocol.AppendResumePage(nil, page.Bodies, page.Stand, page.HasMore, in.FirstSeq))
}

// stillThere checks the caller's right again: it may have ended during the wait.
func (c *call) stillThere(id uuid.UUID) bool {
	ctx, cancel := context.WithTimeout(c.living, lookTimeout)
	defer cancel()
	c.ctx = ctx
	_, ok := c.enter(id)
	return ok
}

// message answers with one message.
func (c *call) message() {
	defer c.watch()()
	m, _, ok := c.visibleMessage()
	if !ok {
		return
	}
	m, err := c.cfg.Chat.Own(c.ctx, c.caller.User, m)
	if err != nil {
		c.fail(err)
		return
	}
	c.answer(fasthttp.StatusOK, protocol.AppendMessage(nil, &m))
}

// visibleMessage returns the message that the path names and the caller's access
// to its room, or refuses.
func (c *call) visibleMessage() (protocol.Message, room.Access, bool) {
	m, err := c.cfg.Chat.Message(c.ctx, c.caller.User, placeID(c.id))
	if err != nil && !errors.Is(err, room.ErrNoMessage) {
		c.fail(err)
		return m, room.Access{}, false
	}
	// No message has no room, which nobody may enter.
	access, ok := c.enter(m.RoomID)
	return m, access, ok
}
