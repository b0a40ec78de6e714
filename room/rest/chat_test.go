package rest_test

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
)

// chat is a domain of one room with a few messages; each function may be
// replaced to make trouble that a real one seldom has.
type chat struct {
	amina, jonas protocol.User
	place        room.Info
	messages     []protocol.Message
	reactors     []room.Reactor
	answers      uuid.UUID // the message that those after it answer

	authenticate func(bearer string) (token.Identity, error)
	access       func(user, place uuid.UUID) (room.Access, error)
	do           func(ctx context.Context, op *room.Op) error
	wait         func(ctx context.Context) (room.Page, error)
	page         func(ctx context.Context) (room.Page, error)
	whoRead      func(ctx context.Context) error // before it is said who has read
	afterwards   error                           // of what is read once something is stored
	readWait     time.Duration
	marks        map[uuid.UUID]int64
	timeline     func() room.Timeline
}

func (c *chat) Timeline() room.Timeline {
	if c.timeline != nil {
		return c.timeline()
	}
	return 0
}

func newChat(messages int) *chat {
	c := &chat{
		amina: protocol.User{ID: uuid.New(), Email: "amina@example.com"},
		jonas: protocol.User{ID: uuid.New(), Email: "jonas@example.com"},
		place: room.Info{ID: uuid.New(), TripID: uuid.New(), Title: "Lisbon", Seq: int64(messages), RoomSettings: protocol.RoomSettings{FirstSeq: 1}},
	}
	for i := range messages {
		c.messages = append(c.messages, protocol.Message{ID: uuid.New(), RoomID: c.place.ID, Sender: c.amina, Content: "hello", Type: protocol.TypeText, Seq: int64(i + 1), Rev: int64(i + 1)})
	}
	return c
}

func (c *chat) Authenticate(_ context.Context, bearer string) (token.Identity, error) {
	if c.authenticate != nil {
		return c.authenticate(bearer)
	}
	id := map[string]uuid.UUID{"amina": c.amina.ID, "jonas": c.jonas.ID, "stranger": uuid.New()}[bearer]
	if id == uuid.Nil {
		return token.Identity{}, room.ErrUnauthorized
	}
	return token.Identity{User: id, Expires: time.Now().Add(time.Hour)}, nil
}

func (c *chat) Access(_ context.Context, user, place uuid.UUID) (room.Access, error) {
	if c.access != nil {
		return c.access(user, place)
	}
	for _, u := range []protocol.User{c.amina, c.jonas} {
		if u.ID == user {
			return room.Access{UserKnown: true, User: u, Allowed: place == c.place.ID || place == c.place.TripID, Role: "member", May: protocol.MayDefault, Room: c.place}, nil
		}
	}
	return room.Access{}, nil
}

func (c *chat) Do(ctx context.Context, op *room.Op) error {
	if c.do != nil {
		return c.do(ctx, op)
	}
	if op.Kind == protocol.KindRead {
		if c.marks == nil {
			c.marks = make(map[uuid.UUID]int64)
		}
		c.marks[op.Sender.ID] = op.UpTo
		op.Outcome = room.Stored
		return nil
	}
	m := protocol.Message{ID: uuid.New(), RoomID: op.Room, Sender: op.Sender, Content: op.Content, Type: op.Type, ClientID: op.ClientID, Seq: 1, Rev: 1}
	switch op.Kind {
	case protocol.KindEdit:
		m.ID, m.IsEdited = op.MessageID, true
	case protocol.KindDelete, protocol.KindPin:
		m.ID = op.MessageID
	}
	op.Outcome, op.Message = room.Stored, &m
	return nil
}

func (c *chat) Page(ctx context.Context, q room.PageQuery) (room.Page, error) {
	if c.page != nil {
		return c.page(ctx)
	}
	p := c.read(q)
	for i := range p.Messages {
		p.Bodies = append(p.Bodies, protocol.AppendMessage(nil, &p.Messages[i]))
	}
	return p, nil
}

func (c *chat) read(q room.PageQuery) room.Page {
	p := room.Page{Seq: c.place.Seq}
	all := c.messages
	if q.Answer != uuid.Nil {
		all = all[slices.IndexFunc(all, func(m protocol.Message) bool { return m.ID == q.Answer })+1:]
	}
	switch {
	case q.Before != nil:
		for _, m := range all {
			if m.Seq < *q.Before {
				p.Messages = append(p.Messages, m)
			}
		}
	case q.After != nil:
		for _, m := range all {
			if m.Seq > *q.After {
				p.Messages = append(p.Messages, m)
			}
		}
		if p.HasMore = len(p.Messages) > q.Limit; p.HasMore {
			p.Messages = p.Messages[:q.Limit]
		}
		return p
	default:
		p.Messages = all
	}
	if p.HasMore = len(p.Messages) > q.Limit; p.HasMore {
		p.Messages = p.Messages[len(p.Messages)-q.Limit:]
	}
	return p
}

func (c *chat) Since(_ context.Context, q room.SinceQuery) (room.Page, error) {
	p, err := c.Page(context.Background(), room.PageQuery{After: &q.Since, Limit: q.Limit})
	if p.Stand = p.Seq; p.HasMore {
		p.Stand = p.Messages[len(p.Messages)-1].Rev
	}
	return p, err
}

func (c *chat) Wait(ctx context.Context, in room.Info, q room.SinceQuery) (room.Page, error) {
	if c.wait != nil {
		return c.wait(ctx)
	}
	if p, err := c.Since(ctx, q); err != nil || len(p.Messages) > 0 {
		return p, err
	}
	<-ctx.Done()
	return room.Page{Seq: in.Seq, Stand: in.Seq}, nil
}

func (c *chat) Reading(_ context.Context, user, _ uuid.UUID) (room.Reading, error) {
	return room.Reading{Seq: c.marks[user], Unread: int(c.place.Seq - c.marks[user])}, c.afterwards
}

func (c *chat) ReadMarks(ctx context.Context, q room.ReadMarksQuery) (p room.ReadMarkPage, err error) {
	if c.whoRead != nil {
		return p, c.whoRead(ctx)
	}
	users := slices.SortedFunc(maps.Keys(c.marks), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	for _, u := range users {
		if bytes.Compare(u[:], q.After[:]) <= 0 {
			continue
		}
		if p.HasMore = len(p.Marks) == q.Limit; p.HasMore {
			break
		}
		p.Marks = append(p.Marks, protocol.ReadMark{User: u, Seq: c.marks[u], At: time.Unix(0, 0)})
	}
	return p, nil
}

func (c *chat) Readers(ctx context.Context, _ uuid.UUID, q room.ReadersQuery) (p room.ReaderPage, err error) {
	if c.whoRead != nil {
		return p, c.whoRead(ctx)
	}
	users := slices.SortedFunc(maps.Keys(c.marks), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	users = slices.DeleteFunc(users, func(u uuid.UUID) bool { return u == q.Sender || c.marks[u] < q.Seq })
	p.Count = len(users)
	for _, u := range users {
		if bytes.Compare(u[:], q.After[:]) <= 0 {
			continue
		}
		if p.HasMore = len(p.Users) == q.Limit; p.HasMore {
			break
		}
		p.Users = append(p.Users, protocol.User{ID: u, Email: "somebody@example.com"})
	}
	return p, nil
}

func (c *chat) Members(ctx context.Context, q room.MembersQuery) (p room.MemberPage, err error) {
	if c.whoRead != nil {
		return p, c.whoRead(ctx)
	}
	readers, err := c.Readers(ctx, q.User, room.ReadersQuery{After: q.After, Limit: q.Limit})
	for _, u := range readers.Users {
		p.Members = append(p.Members, room.Member{User: u, Role: "member", Online: c.marks[u.ID] > 1})
	}
	p.Online, p.HasMore = 7, readers.HasMore
	return p, err
}

func (c *chat) Room(_ context.Context, _ uuid.UUID, in *room.Access) ([]byte, error) {
	return protocol.AppendRoom(nil, &protocol.RoomEntry{ID: in.Room.ID, TripID: in.Room.TripID, LastSeq: in.Room.Seq, RoomSettings: in.Room.RoomSettings, Role: in.Role}), nil
}

func (c *chat) Pins(_ context.Context, q room.PinsQuery) (p room.Page, err error) {
	for i := range c.messages {
		m := c.messages[len(c.messages)-1-i] // the latest pin first
		if !m.Pinned() || q.After.Message != uuid.Nil && !m.Extra.PinnedAt.Before(q.After.At) {
			continue
		}
		if p.HasMore = len(p.Messages) == 2; p.HasMore {
			break
		}
		p.Messages, p.Bodies = append(p.Messages, m), append(p.Bodies, protocol.AppendMessage(nil, &m))
	}
	return p, nil
}

func (c *chat) Own(_ context.Context, user uuid.UUID, m protocol.Message) (protocol.Message, error) {
	if mine, _ := m.ReactionsOf(user); len(mine) > 0 {
		m.WithExtra(func(e *protocol.Extra) { e.MyReactions = mine })
	}
	return m, nil
}

func (c *chat) Reactions(_ context.Context, user, message uuid.UUID) (all []protocol.Reaction, own []string, err error) {
	for _, r := range c.reactors {
		if r.User.ID == user {
			own = append(own, r.Emoji)
		}
		all = append(all, protocol.Reaction{Emoji: r.Emoji, Count: 1})
	}
	return all, own, c.afterwards
}

func (c *chat) Reactors(_ context.Context, _ uuid.UUID, q room.ReactorsQuery) (p room.ReactorPage, err error) {
	after := slices.IndexFunc(c.reactors, func(r room.Reactor) bool { return r.Cursor() == q.After })
	for _, r := range c.reactors[after+1:] {
		if q.Emoji != "" && r.Key != q.Emoji {
			continue
		}
		if p.HasMore = len(p.Reactors) == q.Limit; p.HasMore {
			break
		}
		p.Reactors = append(p.Reactors, r)
	}
	return p, nil
}

func (c *chat) MayRead(uuid.UUID) time.Duration { return c.readWait }

func (c *chat) Message(_ context.Context, _, id uuid.UUID) (protocol.Message, error) {
	for _, m := range c.messages {
		if m.ID == id {
			return m, nil
		}
	}
	return protocol.Message{}, room.ErrNoMessage
}

func (c *chat) Rooms(context.Context, room.RoomsQuery) (room.RoomPage, error) {
	s := protocol.RoomEntry{ID: c.place.ID, TripID: c.place.TripID, Title: c.place.Title, LastSeq: c.place.Seq, RoomSettings: c.place.RoomSettings}
	if n := len(c.messages); n > 0 {
		s.Last = &c.messages[n-1]
	}
	return room.RoomPage{Rooms: []room.Summary{{Info: c.place}}, Bodies: [][]byte{protocol.AppendRoom(nil, &s)}}, nil
}

func (c *chat) Rules() *protocol.Rules { return &protocol.Rules{ContentRunesMax: 100} }
