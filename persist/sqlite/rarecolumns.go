package sqlite

import (
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// rareTimeColumn is one that most messages store NULL in.
func rareTimeColumn(name string, at func(*protocol.Extra) time.Time, to func(*persist.RareColumns) **time.Time) column {
	return column{
		name: name, selected: "m." + name, null: true, changed: true, rare: true,
		target: func(s *scanned) any { return rareStamp{to(&s.rare)} },
		value: func(w *written, m *protocol.Message) any {
			if m.Extra == nil || at(m.Extra).IsZero() {
				return nil
			}
			return w.stamp(at(m.Extra))
		},
	}
}

// extraColumn has what has no column of its own.
var extraColumn = column{
	name: "extra", selected: "m.extra", null: true, changed: true, rare: true,
	target: func(s *scanned) any { return rareText{&s.rare.Extra} },
	value: func(_ *written, m *protocol.Message) any {
		if m.Extra == nil || !m.Extra.Stored() {
			return nil
		}
		return string(m.Extra.AppendStored(nil))
	},
}

// rareStamp scans a time that says by itself that something is so: whatever the column
// holds, it is one.
type rareStamp struct{ to **time.Time }

// Scan reads what is no time as the epoch.
func (s rareStamp) Scan(value any) error {
	if *s.to = nil; value == nil {
		return nil
	}
	t := time.Unix(0, 0)
	_ = stamp{&t}.Scan(value)
	*s.to = &t
	return nil
}

// rareText scans whatever a column holds as text.
type rareText struct{ to *[]byte }

// Scan copies what it gets.
func (r rareText) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*r.to = nil
	case string:
		*r.to = []byte(v)
	case []byte:
		*r.to = append([]byte{}, v...)
	default:
		*r.to = fmt.Append(nil, v)
	}
	return nil
}
