package room_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// reader takes answers as a client does, and holds each to the limit.
type reader struct {
	*rapid.T
	limit int
	seen  map[uuid.UUID]int64 // rev
}

// take takes an answer in. Where once is said, no message may have come before.
func (r *reader) take(name string, answer []byte, messages int, once bool) (found []int64) {
	if len(answer) > r.limit && messages > 1 {
		r.Fatalf("%s: %d messages in %d bytes, more than %d", name, messages, len(answer), r.limit)
	}
	var a struct{ Messages, Results []json.RawMessage }
	if err := json.Unmarshal(answer, &a); err != nil {
		r.Fatal(err)
	}
	for _, raw := range append(a.Messages, a.Results...) {
		var m struct {
			ID  uuid.UUID
			Seq int64
			Rev int64
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			r.Fatal(err)
		}
		if _, known := r.seen[m.ID]; known && once {
			r.Fatalf("%s: %v comes again", name, m.ID)
		}
		r.seen[m.ID] = m.Rev
		found = append(found, m.Seq)
	}
	if len(found) != messages {
		r.Fatalf("%s: %d messages, not %d", name, len(found), messages)
	}
	return found
}

// all holds that each message came, as it is now.
func (r *reader) all(name string, want map[uuid.UUID]int64) {
	for id, rev := range want {
		if r.seen[id] != rev {
			r.Fatalf("%s: of %v came %d, not %d", name, id, r.seen[id], rev)
		}
	}
	if len(r.seen) != len(want) {
		r.Fatalf("%s: %d messages came of %d", name, len(r.seen), len(want))
	}
	clear(r.seen)
}

// TestWhoGoesOnGetsEachMessageOnceWithinTheLimit: messages of all sizes on the wire,
// some edited, and every way through a room.
func TestWhoGoesOnGetsEachMessageOnceWithinTheLimit(t *testing.T) {
	const limit = 8 << 10
	h := open(t, room.Config{HistoryBytes: limit})
	rapid.Check(t, func(t *rapid.T) {
		in := h.newRoom(t)
		want := h.fill(t, in)
		r := &reader{T: t, limit: limit, seen: map[uuid.UUID]int64{}}
		few := rapid.IntRange(1, 40).Draw(t, "limit of a page")

		h.readBackwards(r, in.ID, few)
		r.all("history and before", want)
		h.readForwards(r, in.ID, few)
		r.all("after", want)
		h.readChanges(r, in.ID, few)
		r.all("since", want)
	})
}

// newRoom makes a trip of the first user and its room.
func (h *house) newRoom(t *rapid.T) room.Info {
	trip := persist.Trip{ID: uuid.New()}
	seeds := &persist.Seeds{Trips: []persist.Trip{trip}, Collaborators: []persist.Collaborator{{Trip: trip.ID, User: h.users[0].ID}}}
	if err := h.store.Seed(t.Context(), seeds); err != nil {
		t.Fatal(err)
	}
	a, err := h.Access(t.Context(), h.users[0].ID, trip.ID)
	if err != nil || !a.Allowed {
		t.Fatal(a, err)
	}
	return a.Room
}

// fill sends and edits messages in a room, and returns all that it has with their revs.
func (h *house) fill(t *rapid.T, in room.Info) map[uuid.UUID]int64 {
	sizes := rapid.SampledFrom([]int{1, 40, 400, 2_000, 9_000})
	text := func() string {
		return strings.Repeat(rapid.SampledFrom([]string{"x", "界", "\u0001", "\"", "\n"}).Draw(t, "of"), rapid.IntRange(1, sizes.Draw(t, "up to")).Draw(t, "size"))
	}
	var batch []*room.Op
	add := func(op *room.Op) {
		op.Room, op.Trip, op.Sender, op.At = in.ID, in.TripID, h.users[0], time.Now().UTC().Truncate(time.Microsecond)
		if op.Row = uuid.Must(uuid.NewV7()); op.Kind == protocol.KindMessage {
			op.MessageID = op.Row
		}
		batch = append(batch, op)
	}
	var ids []uuid.UUID
	for range rapid.IntRange(1, 30).Draw(t, "events") {
		if len(ids) > 0 && rapid.IntRange(0, 2).Draw(t, "kind") == 0 {
			add(&room.Op{Intent: protocol.Intent{Kind: protocol.KindEdit, MessageID: rapid.SampledFrom(ids).Draw(t, "edited"), Content: text()}})
			continue
		}
		op := &room.Op{Intent: protocol.Intent{Kind: protocol.KindMessage, Content: text(), Type: protocol.TypeText}}
		add(op)
		ids = append(ids, op.MessageID)
	}
	if err := h.store.Append(t.Context(), batch, room.Within{}); err != nil {
		t.Fatal(err)
	}
	want := map[uuid.UUID]int64{}
	for after, more := int64(0), true; more; {
		p, err := h.store.After(t.Context(), in.ID, after, room.Limit{Messages: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range p.Messages {
			want[m.ID], after = m.Rev, m.Seq
		}
		more = p.HasMore
	}
	return want
}

func (h *house) readBackwards(r *reader, in uuid.UUID, few int) {
	answers := make(chan *room.History, 1)
	h.History(protocol.RoomInfo{Room: in}, nil, func(past *room.History, err error) {
		if err != nil {
			panic(err)
		}
		answers <- past
	})
	frame := (<-answers).Frame
	seqs := r.take("history", frame, strings.Count(string(frame), `"chat_room_id"`)-1, true)
	for more := true; more; {
		besides := len(protocol.AppendMessagePage(nil, nil, "https://example.com/next", "https://example.com/previous", 1))
		p, err := h.Page(r.Context(), room.PageQuery{Room: in, Before: &seqs[0], Limit: few, Besides: besides})
		if err != nil {
			r.Fatal(err)
		}
		if len(p.Messages) == 0 && !p.HasMore {
			break
		}
		seqs = r.take("before", protocol.AppendMessagePage(nil, p.Bodies, "https://example.com/next", "https://example.com/previous", 1), len(p.Messages), true)
		more = p.HasMore
	}
}

func (h *house) readForwards(r *reader, in uuid.UUID, few int) {
	for at, more := int64(0), true; more; {
		p, err := h.Page(r.Context(), room.PageQuery{Room: in, After: &at, Limit: few, Besides: len(protocol.AppendMessagePage(nil, nil, "", "", 1))})
		if err != nil || len(p.Messages) == 0 {
			r.Fatal(p, err)
		}
		seqs := r.take("after", protocol.AppendMessagePage(nil, p.Bodies, "", "", 1), len(p.Messages), true)
		at, more = seqs[len(seqs)-1], p.HasMore
	}
}

func (h *house) readChanges(r *reader, in uuid.UUID, few int) {
	answers := make(chan *room.History, 1)
	h.Resume(protocol.RoomInfo{Room: in}, room.SinceQuery{}, nil, func(past *room.History, err error) {
		if err != nil {
			panic(err)
		}
		answers <- past
	})
	frame := (<-answers).Frame
	var first struct {
		Seq  int64
		More bool `json:"has_more"`
	}
	if err := json.Unmarshal(frame, &first); err != nil {
		r.Fatal(err)
	}
	r.take("since", frame, strings.Count(string(frame), `"chat_room_id"`)-1, true)
	for at, more := first.Seq, first.More; more; {
		p, err := h.Since(r.Context(), room.SinceQuery{Room: in, Since: at, Limit: few})
		if err != nil || p.Stand <= at {
			r.Fatal(fmt.Sprintf("%d after %d, %v", p.Stand, at, err))
		}
		r.take("since", protocol.AppendResumePage(nil, p.Bodies, p.Stand, p.HasMore, 1), len(p.Messages), true)
		at, more = p.Stand, p.HasMore
	}
}
