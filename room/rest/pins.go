package rest

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// listPins answers with the pinned messages of a room, the latest pin first.
func (c *call) listPins() {
	defer c.watch()()
	access, ok := c.enter(placeID(c.id))
	if !ok {
		return
	}
	after, refused := c.pinCursorParam()
	if refused != nil {
		c.refuse(refused)
		return
	}
	further := func(after room.PinCursor) string {
		return c.base() + apiPrefix + "rooms/" + c.id + "/pins/?cursor=" + formatPinCursor(after)
	}
	page, err := c.cfg.Chat.Pins(c.ctx, room.PinsQuery{
		User: c.caller.User, Room: access.Room.ID, After: after,
		Besides: len(protocol.AppendList(nil, nil, further(room.PinCursor{At: time.UnixMicro(math.MinInt64)}))),
	})
	if err != nil {
		c.fail(err)
		return
	}
	next := ""
	if n := len(page.Messages); page.HasMore && n > 0 {
		next = further(room.PinCursorOf(&page.Messages[n-1]))
	}
	c.answer(fasthttp.StatusOK, protocol.AppendList(nil, page.Bodies, next))
}

// formatPinCursor writes a cursor as microseconds since 1970 and an id.
func formatPinCursor(at room.PinCursor) string {
	return strconv.FormatInt(at.At.UnixMicro(), 10) + "." + at.Message.String()
}

// pinCursorParam reads after which pin a list goes on; zero: it begins.
func (c *call) pinCursorParam() (room.PinCursor, *protocol.Error) {
	args := c.http.QueryArgs()
	if !args.Has("cursor") {
		return room.PinCursor{}, nil
	}
	micros, message, _ := strings.Cut(string(args.Peek("cursor")), ".")
	n, err := strconv.ParseInt(micros, 10, 64)
	at, id := time.UnixMicro(n).UTC(), placeID(message)
	if err != nil || id == uuid.Nil || at.Year() < 1 || at.Year() > 9999 { // every database has those years
		return room.PinCursor{}, invalid("cursor must come from the answer before")
	}
	return room.PinCursor{At: at, Message: id}, nil
}
