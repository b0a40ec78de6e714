package room

import (
	"context"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// tombstones is a Store in which deleted messages have a text as their content, and so
// have the quotes of them, and in which attachments have links. The database has none of it.
type tombstones struct {
	Store
	text  string
	links protocol.Links // nil: attachments have none
}

// fill gives m, and what it quotes, the text where it is deleted.
func (t tombstones) fill(m *protocol.Message) {
	if m.Deleted() {
		m.Content = t.text
	}
	if m.Extra != nil && len(m.Extra.Attachments) > 0 {
		m.Extra.Links = t.links
	}
	if m.ReplyTo != nil && m.ReplyTo.Deleted {
		m.ReplyTo.Content = t.text
	}
}

func (t tombstones) fillPage(p Page, err error) (Page, error) {
	for i := range p.Messages {
		t.fill(&p.Messages[i])
	}
	return p, err
}

// Append implements Store.
func (t tombstones) Append(ctx context.Context, batch []*Op, within Within) error {
	err := t.Store.Append(ctx, batch, within)
	for _, op := range batch {
		if err == nil && op.Message != nil {
			t.fill(op.Message) // nobody else has it yet
		}
	}
	return err
}

// Latest implements Store.
func (t tombstones) Latest(ctx context.Context, rooms []uuid.UUID, limit Limit) ([]Page, error) {
	pages, err := t.Store.Latest(ctx, rooms, limit)
	for i := range pages {
		pages[i], _ = t.fillPage(pages[i], nil)
	}
	return pages, err
}

// Walk implements Store.
func (t tombstones) Walk(ctx context.Context, q WalkQuery) (Walk, error) {
	w, err := t.Store.Walk(ctx, q)
	t.fillWalk(&w)
	return w, err
}

// Walks implements Store.
func (t tombstones) Walks(ctx context.Context, queries []WalkQuery) ([]Walk, error) {
	walks, err := t.Store.Walks(ctx, queries)
	for i := range walks {
		t.fillWalk(&walks[i])
	}
	return walks, err
}

func (t tombstones) fillWalk(w *Walk) {
	for i := range w.Entries {
		if m := w.Entries[i].Message; m != nil {
			t.fill(m)
		}
	}
}

// Before implements Store.
func (t tombstones) Before(ctx context.Context, room uuid.UUID, seq int64, limit Limit) (Page, error) {
	return t.fillPage(t.Store.Before(ctx, room, seq, limit))
}

// After implements Store.
func (t tombstones) After(ctx context.Context, room uuid.UUID, seq int64, limit Limit) (Page, error) {
	return t.fillPage(t.Store.After(ctx, room, seq, limit))
}

// RepliesBefore implements Store.
func (t tombstones) RepliesBefore(ctx context.Context, room, to uuid.UUID, seq int64, limit Limit) (Page, error) {
	return t.fillPage(t.Store.RepliesBefore(ctx, room, to, seq, limit))
}

// RepliesAfter implements Store.
func (t tombstones) RepliesAfter(ctx context.Context, room, to uuid.UUID, seq int64, limit Limit) (Page, error) {
	return t.fillPage(t.Store.RepliesAfter(ctx, room, to, seq, limit))
}

// Pins implements Store. None of them is deleted, but what they quote may be.
func (t tombstones) Pins(ctx context.Context, room uuid.UUID, after PinCursor, limit Limit) (Page, error) {
	return t.fillPage(t.Store.Pins(ctx, room, after, limit))
}

// Message implements Store.
func (t tombstones) Message(ctx context.Context, id uuid.UUID) (protocol.Message, error) {
	m, err := t.Store.Message(ctx, id)
	t.fill(&m)
	return m, err
}

// Rooms implements Store.
func (t tombstones) Rooms(ctx context.Context, user uuid.UUID, after uuid.UUID, limit Limit) (RoomPage, error) {
	p, err := t.Store.Rooms(ctx, user, after, limit)
	for i := range p.Rooms {
		if last := p.Rooms[i].Last; last != nil {
			t.fill(last)
		}
	}
	return p, err
}
