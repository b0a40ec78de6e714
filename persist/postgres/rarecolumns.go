package postgres

import (
	"encoding/binary"
	"time"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// rareTimeColumn reads as the epoch what a time cannot hold, as there it says by itself
// that something is so.
func rareTimeColumn(name string, at func(*protocol.Extra) time.Time, to func(*persist.RareColumns) any) column {
	value := func(m *protocol.Message) *time.Time {
		if m.Extra == nil || at(m.Extra).IsZero() {
			return nil
		}
		t := at(m.Extra)
		return &t
	}
	return column{
		name: name, sqlType: "timestamptz", null: true, changed: true, rare: true,
		selected: "CASE WHEN isfinite(m." + name + ") THEN m." + name + " WHEN m." + name + " IS NOT NULL THEN 'epoch' END",
		target:   func(s *scanned) any { return to(&s.rare) },
		value:    func(m *protocol.Message) any { return value(m) },
		array: func(messages []*protocol.Message) any {
			values := make([]*time.Time, len(messages))
			for i, m := range messages {
				values[i] = value(m)
			}
			return values
		},
		copied: func(b []byte, m *protocol.Message) []byte {
			if t := value(m); t != nil {
				return appendTime(b, *t)
			}
			return appendNull(b)
		},
	}
}

// extraColumn has what has no column of its own. It is given as text, since pgx would make
// JSON of it once more.
var extraColumn = column{
	name: "extra", sqlType: "text", null: true, changed: true, rare: true, json: true,
	selected: "m.extra::text",
	target:   func(s *scanned) any { return &s.rare.Extra },
	value:    func(m *protocol.Message) any { return extraOf(m) },
	array: func(messages []*protocol.Message) any {
		values := make([]*string, len(messages))
		for i, m := range messages {
			values[i] = extraOf(m)
		}
		return values
	},
	copied: func(b []byte, m *protocol.Message) []byte {
		if m.Extra == nil || !m.Extra.Stored() {
			return appendNull(b)
		}
		const version = 1 // of jsonb's binary format
		size := len(b)
		b = append(binary.BigEndian.AppendUint32(b, 0), version)
		b = m.Extra.AppendStored(b)
		binary.BigEndian.PutUint32(b[size:], uint32(len(b)-size-4))
		return b
	},
}

func extraOf(m *protocol.Message) *string {
	if m.Extra == nil || !m.Extra.Stored() {
		return nil
	}
	text := string(m.Extra.AppendStored(nil))
	return &text
}
