package rest

import (
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// remove deletes a message, and answers with what is left of it: again, too.
func (c *call) remove() {
	m, access, ok := c.visibleInTime()
	switch {
	case !ok:
	case m.Sender.ID != c.caller.User && !access.May.Has(protocol.MayModerate):
		c.refuse(errNotToDelete)
	default:
		c.change(&m, &access, protocol.Intent{Kind: protocol.KindDelete})
	}
}

// visibleInTime is visibleMessage for a call that changes the message after it.
func (c *call) visibleInTime() (protocol.Message, room.Access, bool) {
	defer c.looking()()
	return c.visibleMessage()
}

// change carries out what is asked for of a message, and answers with the message.
func (c *call) change(m *protocol.Message, access *room.Access, in protocol.Intent) {
	in.MessageID = m.ID
	c.do(&room.Op{Intent: in, Room: m.RoomID, Trip: access.Room.TripID, Sender: access.User, May: access.May}, fasthttp.StatusOK)
}
