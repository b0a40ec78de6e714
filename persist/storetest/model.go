package storetest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// change is what the model knows of a kind that changes a message.
type change struct {
	intent func(content string) protocol.Intent // what a member asks for; any content will do
	may    func(x *protocol.Message, op *room.Op) bool
	idle   func(x *protocol.Message, op *room.Op) bool // what is asked for is so; nil: never
	do     func(x *protocol.Message, op *room.Op)
}

// changes has every Event but new messages and summaries.
var changes = map[protocol.Kind]change{
	protocol.KindEdit:   modelEdit,
	protocol.KindDelete: modelDelete,
	protocol.KindPin:    modelPin,
}

// modelMay is what the users of the model may do.
var modelMay = [...]protocol.Permissions{protocol.MayAll, protocol.MayDefault, protocol.MaySend | protocol.MayEdit}

// modelExtras are what some messages of the model have. Databases spell them as they are here.
var modelExtras = []func(w *world) *protocol.Extra{
	func(*world) *protocol.Extra { return &protocol.Extra{Data: `{"a":[1,"x y"]}`} },
	func(*world) *protocol.Extra { return &protocol.Extra{MentionsAll: true} },
	func(*world) *protocol.Extra { return &protocol.Extra{Mentions: []uuid.UUID{uuid.New()}} },
	func(w *world) *protocol.Extra {
		return &protocol.Extra{Mentions: []uuid.UUID{w.users[1].ID, w.users[0].ID}, Data: `{}`}
	},
}

// model is a store of two rooms, as simple as it can be.
type model struct {
	heads    map[uuid.UUID]int64
	log      map[uuid.UUID][]room.LogEntry // by seq, from 1; without the messages' state
	messages []protocol.Message            // in the order in which they were made
	replies  []uuid.UUID                   // the original of each; zero: none
	users    map[uuid.UUID]bool            // who are collaborators of both rooms' trips
	reacted  []reacted                     // reactions
	before   []reacted                     // and those before the batch
}

func (m *model) find(match func(*protocol.Message) bool) int {
	return slices.IndexFunc(m.messages, func(x protocol.Message) bool { return match(&x) })
}

// show returns message i with its reply as it is now.
func (m *model) show(i int) protocol.Message {
	shown := m.messages[i]
	if original := m.replies[i]; original != uuid.Nil {
		o := m.messages[m.find(func(x *protocol.Message) bool { return x.ID == original })]
		runes := []rune(o.Content)
		shown.ReplyTo = &protocol.Reply{ID: original, Content: string(runes[:min(100, len(runes))]), SenderEmail: o.Sender.Email, Deleted: o.Deleted()}
	}
	return shown
}

func (m *model) apply(op *room.Op) (room.Outcome, *protocol.Message) {
	switch op.Kind {
	case protocol.KindReact:
		return m.react(op), nil
	case protocol.KindSummary:
		return m.summarize(op)
	}
	if kind, ok := changes[op.Kind]; ok {
		i := m.find(func(x *protocol.Message) bool {
			return x.ID == op.MessageID && x.RoomID == op.Room && kind.may(x, op)
		})
		if i < 0 {
			return room.Refused, nil
		}
		x := &m.messages[i]
		if kind.idle != nil && kind.idle(x, op) {
			shown := m.show(i)
			return room.Stored, &shown
		}
		m.heads[op.Room]++
		m.note(op, op.Row)
		x.Rev = m.heads[op.Room]
		kind.do(x, op)
		m.forget(x)
		shown := m.show(i)
		return room.Stored, &shown
	}
	if op.ClientID != "" {
		i := m.find(func(x *protocol.Message) bool {
			return x.ClientID == op.ClientID && x.RoomID == op.Room && x.Sender.ID == op.Sender.ID
		})
		if i >= 0 {
			shown := m.show(i)
			return room.Duplicate, &shown
		}
	}
	if op.ReplyTo != uuid.Nil {
		if m.find(func(x *protocol.Message) bool { return x.ID == op.ReplyTo && x.RoomID == op.Room && !x.Deleted() }) < 0 {
			return room.Refused, nil
		}
	}
	if e := op.Extra; e != nil {
		if e.MentionsAll && !op.May.Has(protocol.MayMentionAll) || slices.ContainsFunc(e.Mentions, func(id uuid.UUID) bool { return !m.users[id] }) {
			return room.Refused, nil
		}
	}
	m.heads[op.Room]++
	m.note(op, op.MessageID)
	n := m.heads[op.Room]
	m.messages = append(m.messages, protocol.Message{
		ID: op.MessageID, RoomID: op.Room, Sender: op.Sender, Content: op.Content, Type: op.Type,
		CreatedAt: op.At, UpdatedAt: op.At, Seq: n, Rev: n, ClientID: op.ClientID, Extra: op.Extra,
	})
	m.replies = append(m.replies, op.ReplyTo)
	shown := m.show(len(m.messages) - 1)
	return room.Stored, &shown
}

// note adds an entry to the log of the op's room.
func (m *model) note(op *room.Op, row uuid.UUID) {
	m.log[op.Room] = append(m.log[op.Room], room.LogEntry{
		Seq: m.heads[op.Room], Kind: op.Kind, Row: row, Message: &protocol.Message{ID: op.MessageID},
	})
}

// page answers Latest, Since, Before and After: those messages of the room that
// match, in the order of by.
func (m *model) page(id uuid.UUID, by func(*protocol.Message) int64, match func(int64) bool) []protocol.Message {
	var all []protocol.Message
	for i := range m.messages {
		if x := m.show(i); x.RoomID == id && match(by(&x)) {
			all = append(all, x)
		}
	}
	slices.SortFunc(all, func(a, b protocol.Message) int { return int(by(&a) - by(&b)) })
	return all
}

func testModel(t *testing.T, open Open) {
	kinds := slices.Sorted(maps.Keys(changes))
	for k := range protocol.Kind(255) {
		if _, known := changes[k]; known != (k.Class() == protocol.Event && k != protocol.KindMessage && k != protocol.KindSummary) {
			t.Fatalf("the model knows %v as a change: %v", k, known)
		}
	}
	w := newWorld(t, open, 3, 0)
	rapid.Check(t, func(rt *rapid.T) {
		first := w.addRoom()
		w.addRoom()
		m := &model{heads: map[uuid.UUID]int64{}, log: map[uuid.UUID][]room.LogEntry{}, users: map[uuid.UUID]bool{}}
		for _, u := range w.users {
			m.users[u.ID] = true
		}
		pick := rapid.IntRange(0, 1<<20)
		anyMessage := func(made []*room.Op) uuid.UUID {
			n := pick.Draw(rt, "which message")
			if all := len(m.messages) + len(made); all > 0 && n%8 != 0 {
				if n %= all; n < len(m.messages) {
					return m.messages[n].ID
				}
				return made[n-len(m.messages)].MessageID
			}
			return uuid.New()
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				var batch, made []*room.Op
				for range rapid.IntRange(1, 8).Draw(rt, "ops") {
					r, u := first+pick.Draw(rt, "room")%2, pick.Draw(rt, "user")%3
					content := fmt.Sprint("content ", pick.Draw(rt, "content"))
					n := pick.Draw(rt, "kind")
					if n%3 == 1 && n%2 == 0 {
						batch = append(batch, w.modelReaction(r, u, n/6, anyMessage(made)))
						continue
					}
					if n%3 == 0 {
						k := kinds[n/3%len(kinds)]
						in := changes[k].intent(content)
						in.Kind, in.MessageID = k, anyMessage(made)
						op := w.change(r, u, in)
						op.May = modelMay[u]
						batch = append(batch, op)
						continue
					}
					op := w.send(r, u, content)
					if pick.Draw(rt, "has client id")%2 == 0 {
						op.ClientID = fmt.Sprint("c", pick.Draw(rt, "client id")%6)
					}
					if pick.Draw(rt, "is reply")%3 == 0 {
						op.ReplyTo = anyMessage(made)
					}
					if pick.Draw(rt, "has extra")%4 == 0 {
						op.May = modelMay[u]
						op.Extra = modelExtras[pick.Draw(rt, "extra")%len(modelExtras)](w)
					}
					batch, made = append(batch, op), append(made, op)
				}
				w.append(batch...)
				m.before = slices.Clone(m.reacted)
				for _, op := range batch {
					outcome, message := m.apply(op)
					if op.Outcome != outcome {
						rt.Fatalf("outcome %d (%v), want %d of %+v", op.Outcome, op.Err, outcome, op)
					}
					if message != nil {
						w.same(op.Message, message)
					}
				}
				w.compareDue(rt, m)
			},
			"read": func(rt *rapid.T) { w.compare(rt, m, w.rooms[first+pick.Draw(rt, "room")%2]) },
		})
	})
}

// compare reads a stretch of the room in every way.
func (w *world) compare(rt *rapid.T, m *model, id uuid.UUID) {
	at := rapid.Int64Range(-1, m.heads[id]+1).Draw(rt, "at")
	limit := rapid.IntRange(1, 6).Draw(rt, "limit")
	seq := func(x *protocol.Message) int64 { return x.Seq }
	rev := func(x *protocol.Message) int64 { return x.Rev }
	every := func(int64) bool { return true }
	less := func(n int64) bool { return n < at }
	more := func(n int64) bool { return n > at }
	tail := func(all []protocol.Message) room.Page {
		return room.Page{Messages: all[max(0, len(all)-limit):], Seq: m.heads[id], HasMore: len(all) > limit}
	}
	head := func(all []protocol.Message) room.Page {
		return room.Page{Messages: all[:min(limit, len(all))], Seq: m.heads[id], HasMore: len(all) > limit}
	}

	latest, err1 := w.store.Latest(w.ctx(), []uuid.UUID{id}, room.Limit{Messages: limit})
	since, err2 := room.Changes(w.ctx(), w.store, room.SinceQuery{Room: id, Since: at, Limit: limit})
	before, err3 := w.store.Before(w.ctx(), id, at, room.Limit{Messages: limit})
	after, err4 := w.store.After(w.ctx(), id, at, room.Limit{Messages: limit})
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		rt.Fatal(err1, err2, err3, err4)
	}
	w.compareWalk(rt, m, id, at, limit)
	w.compareWalks(rt, id, at, limit)
	for _, c := range []struct {
		name      string
		got, want room.Page
	}{
		{"latest", latest[0], tail(m.page(id, seq, every))},
		{"since", since, head(m.page(id, rev, more))},
		{"before", before, tail(m.page(id, seq, less))},
		{"after", after, head(m.page(id, seq, more))},
	} {
		if c.got.Seq != c.want.Seq || c.got.HasMore != c.want.HasMore || len(c.got.Messages) != len(c.want.Messages) {
			rt.Fatalf("%s %d, limit %d: got %+v, want %+v", c.name, at, limit, c.got, c.want)
		}
		for i := range c.got.Messages {
			w.same(&c.got.Messages[i], &c.want.Messages[i])
		}
	}
}

// compareWalks compares a few walks in one look, of this room and of another one, with each alone.
func (w *world) compareWalks(rt *rapid.T, id uuid.UUID, at int64, limit int) {
	q := room.WalkQuery{Room: id, After: at, Limit: room.Limit{Messages: limit}, Final: true, Known: at > 0, Bulk: true}
	whole, other := q, q
	whole.After, whole.Known, other.Room = 0, false, w.rooms[0]
	w.sameWalks(rt, []room.WalkQuery{q, other, whole})
}

func (w *world) compareWalk(rt *rapid.T, m *model, id uuid.UUID, at int64, limit int) {
	got, err := w.store.Walk(w.ctx(), room.WalkQuery{Room: id, After: at, Limit: room.Limit{Messages: limit}})
	if err != nil {
		rt.Fatal(err)
	}
	rest := m.log[id][min(max(at, 0), int64(len(m.log[id]))):]
	if got.Seq != m.heads[id] || got.HasMore != (len(rest) > limit) || len(got.Entries) != min(len(rest), limit) {
		rt.Fatalf("walk after %d, limit %d: got %+v, want %+v", at, limit, got, rest)
	}
	for i, e := range got.Entries {
		if e.Seq != rest[i].Seq || e.Kind != rest[i].Kind || e.Row != rest[i].Row {
			rt.Fatalf("walk after %d: got %+v, want %+v", at, e, rest[i])
		}
		shown := m.show(m.find(func(x *protocol.Message) bool { return x.ID == rest[i].Message.ID }))
		w.same(e.Message, &shown)
	}
}
