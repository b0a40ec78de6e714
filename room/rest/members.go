package rest

import (
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// listMembers answers with who may be in a room, by user, and who is.
func (c *call) listMembers() {
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
	page, err := c.cfg.Chat.Members(c.ctx, room.MembersQuery{User: c.caller.User, Room: access.Room.ID, After: after, Limit: limit})
	if err != nil {
		c.fail(err)
		return
	}
	bodies := make([][]byte, len(page.Members))
	for i := range page.Members {
		m := &page.Members[i]
		bodies[i] = protocol.AppendMember(nil, &m.User, m.Role, m.Online, m.LastSeen)
	}
	next := ""
	if n := len(page.Members); page.HasMore && n > 0 {
		next = c.link(apiPrefix+"rooms/"+c.id+"/members/", "after", page.Members[n-1].User.ID.String(), limit)
	}
	c.answer(fasthttp.StatusOK, protocol.AppendMembers(nil, page.Online, bodies, next))
}
