package rest

import (
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// react sets a reaction of the caller's, and unreact takes it away. Both answer with what the
// message has then, counted anew.
func (c *call) react()   { c.setReaction(true) }
func (c *call) unreact() { c.setReaction(false) }

func (c *call) setReaction(on bool) {
	m, access, ok := c.visibleInTime()
	if !ok {
		return
	}
	given, err := url.PathUnescape(c.emoji)
	if err != nil {
		given = "" // which is no emoji
	}
	emoji, refused := c.cfg.Chat.Rules().CheckEmoji(given, on)
	if refused != nil {
		c.refuse(refused)
		return
	}
	op := &room.Op{
		Intent: protocol.Intent{Kind: protocol.KindReact, MessageID: m.ID, Emoji: emoji, On: on},
		Room:   m.RoomID, Trip: access.Room.TripID, Sender: access.User, May: access.May,
	}
	if !c.carryOut(op) {
		return
	}
	defer c.looking()()
	all, own, err := c.cfg.Chat.Reactions(c.ctx, c.caller.User, m.ID)
	if err != nil {
		c.failAfterwards(err)
		return
	}
	c.answer(fasthttp.StatusOK, protocol.AppendOwnReactions(nil, all, own))
}

// listReactors answers with who has reacted to a message, and how.
func (c *call) listReactors() {
	defer c.watch()()
	m, _, ok := c.visibleMessage()
	if !ok {
		return
	}
	q, refused := c.reactorsQuery()
	if refused != nil {
		c.refuse(refused)
		return
	}
	q.Message = m.ID
	page, err := c.cfg.Chat.Reactors(c.ctx, c.caller.User, q)
	if err != nil {
		c.fail(err)
		return
	}
	bodies := make([][]byte, len(page.Reactors))
	for i := range page.Reactors {
		r := &page.Reactors[i]
		bodies[i] = protocol.AppendReactor(nil, &r.User, r.Emoji, r.At)
	}
	next := ""
	if n := len(page.Reactors); page.HasMore && n > 0 {
		next = c.link(apiPrefix+"messages/"+c.id+"/reactions/", "after", formatReactorCursor(page.Reactors[n-1].Cursor()), q.Limit)
		if q.Emoji != "" {
			next += "&emoji=" + url.QueryEscape(q.Emoji)
		}
	}
	c.answer(fasthttp.StatusOK, protocol.AppendList(nil, bodies, next))
}

// reactorsQuery reads which reactions are asked for, and where the list goes on.
func (c *call) reactorsQuery() (q room.ReactorsQuery, refused *protocol.Error) {
	if q.Limit, refused = c.limitParam(); refused != nil {
		return q, refused
	}
	args := c.http.QueryArgs()
	if emoji := string(args.Peek("emoji")); emoji != "" {
		if _, ok := protocol.ValidEmoji(emoji); !ok {
			return q, protocol.ErrInvalidEmoji
		}
		q.Emoji = protocol.EmojiKey(emoji)
	}
	if args.Has("after") {
		var ok bool
		if q.After, ok = parseReactorCursor(string(args.Peek("after"))); !ok {
			return q, invalid("after must come from the answer before")
		}
	}
	return q, nil
}

// formatReactorCursor writes a cursor as an id and an emoji.
func formatReactorCursor(at room.ReactorCursor) string {
	return at.User.String() + "." + url.QueryEscape(at.Key)
}

func parseReactorCursor(s string) (at room.ReactorCursor, ok bool) {
	user, key, _ := strings.Cut(s, ".")
	id := placeID(user)
	_, valid := protocol.ValidEmoji(key)
	if id == uuid.Nil || !valid {
		return at, false
	}
	return room.ReactorCursor{User: id, Key: protocol.EmojiKey(key)}, true
}
