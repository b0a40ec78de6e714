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

// pin pins a message, and unpin takes its pin away. Both answer with it.
func (c *call) pin()   { c.setPin(true) }
func (c *call) unpin() { c.setPin(false) }

func (c *call) setPin(on bool) {
	if m, access, ok := c.visibleInTime(); ok {
		c.change(&m, &access, protocol.Intent{Kind: protocol.KindPin, On: on})
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
