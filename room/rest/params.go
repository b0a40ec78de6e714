package rest

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// params are what stands in the query of a list. A nil number was not given.
type params struct {
	limit                int
	before, after, since *int64
	sinceID              uuid.UUID // zero: not given
	wait                 time.Duration
}

// stretchParams reads where a page of messages lies.
func (c *call) stretchParams() (p params, refused *protocol.Error) {
	if p.limit, refused = c.limitParam(); refused != nil {
		return p, refused
	}
	if p.before, refused = c.numberParam("before"); refused != nil {
		return p, refused
	}
	if p.after, refused = c.numberParam("after"); refused != nil {
		return p, refused
	}
	if p.before != nil && p.after != nil {
		return p, invalid("before does not go with after")
	}
	return p, nil
}

// pageParams reads the query of a page of a room's messages.
func (c *call) pageParams() (p params, refused *protocol.Error) {
	if p, refused = c.stretchParams(); refused != nil {
		return p, refused
	}
	if p.since, refused = c.numberParam("since"); refused != nil {
		return p, refused
	}
	args := c.http.QueryArgs()
	if args.Has("wait") {
		if p.wait, refused = waitParam(string(args.Peek("wait"))); refused != nil {
			return p, refused
		}
		if p.since == nil {
			return p, invalid("wait goes with since only")
		}
	}
	if args.Has("since_id") {
		var ok bool
		if p.sinceID, ok = protocol.ParseID(args.Peek("since_id")); !ok || p.since == nil {
			return p, invalid("since_id must be a message's id, and goes with since only")
		}
	}
	if p.since != nil && (p.before != nil || p.after != nil) {
		return p, invalid("since does not go with before or after")
	}
	return p, nil
}

// sinceQuery is the question that a since asks of a room.
func (c *call) sinceQuery(id uuid.UUID, p *params) room.SinceQuery {
	return room.SinceQuery{User: c.caller.User, Room: id, Since: *p.since, Last: p.sinceID, Limit: p.limit}
}

func (c *call) limitParam() (int, *protocol.Error) {
	args := c.http.QueryArgs()
	if !args.Has("limit") {
		return protocol.PageMessages, nil
	}
	n, err := strconv.Atoi(string(args.Peek("limit")))
	if err != nil || n < 1 || n > protocol.PageMessagesMax {
		return 0, invalid(fmt.Sprintf("limit must be a number from 1 to %d", protocol.PageMessagesMax))
	}
	return n, nil
}

// numberParam reads a sequence number.
func (c *call) numberParam(name string) (*int64, *protocol.Error) {
	args := c.http.QueryArgs()
	if !args.Has(name) {
		return nil, nil
	}
	n, ok := protocol.ParseSeq(string(args.Peek(name)))
	if !ok {
		return nil, invalid(name + " must be a sequence number")
	}
	return &n, nil
}

// cursorParam reads after which room a list of rooms goes on.
func (c *call) cursorParam() (uuid.UUID, *protocol.Error) {
	args := c.http.QueryArgs()
	if !args.Has("cursor") {
		return uuid.Nil, nil
	}
	id := placeID(string(args.Peek("cursor")))
	if id == uuid.Nil {
		return id, invalid("cursor must come from the answer before")
	}
	return id, nil
}

// waitParam reads a duration such as 25s, or plain seconds.
func waitParam(s string) (time.Duration, *protocol.Error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		var seconds uint64
		if seconds, err = strconv.ParseUint(s, 10, 16); err == nil {
			d = time.Duration(seconds) * time.Second
		}
	}
	if err != nil || d < 0 || d > waitMax {
		return 0, invalid(fmt.Sprintf("wait must be a time from 0s to %v", waitMax))
	}
	return d, nil
}

func invalid(text string) *protocol.Error {
	return &protocol.Error{Code: codeInvalidParameter, Text: text}
}
