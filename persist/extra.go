package persist

import (
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// RareColumns are what a row of chat_messages holds where most hold nothing, as a store
// read it.
type RareColumns struct {
	DeletedAt, PinnedAt *time.Time // nil: NULL
	Extra               []byte     // nil: NULL
}

// Fill gives m, which was read from the same row, its Extra, or none. Of a deleted
// message only what a tombstone keeps is told, whatever the row holds: a node of the
// release before may have edited it. odd says what in the row cannot be read.
func (r *RareColumns) Fill(m *protocol.Message) (odd error) {
	m.Extra = nil
	if r.DeletedAt == nil && r.PinnedAt == nil && r.Extra == nil {
		return nil
	}
	m.WithExtra(func(e *protocol.Extra) {
		if r.Extra != nil {
			odd = e.ParseStored(r.Extra)
		}
		if e.DeletedAt = instant(r.DeletedAt); r.DeletedAt != nil {
			*e = e.Tombstone()
			m.Content = ""
			return
		}
		e.DeletedBy = ""
		if e.PinnedAt = instant(r.PinnedAt); r.PinnedAt == nil {
			e.PinnedBy = uuid.Nil
		}
	})
	return odd
}

// instant is the time that a column holds; zero where it holds none.
func instant(t *time.Time) time.Time {
	switch {
	case t == nil:
		return time.Time{}
	case t.IsZero(): // which is a time here
		return time.Unix(0, 0).UTC()
	}
	return t.UTC()
}
