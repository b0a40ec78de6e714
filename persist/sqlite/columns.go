package sqlite

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// messageTable lists the columns of chat_messages that Caravan reads and writes.
// Every statement and every list of arguments is made from it: a new column is
// one line here.
var messageTable = []column{
	uuidColumn("id", func(m *protocol.Message) *uuid.UUID { return &m.ID }).unlike(),
	uuidColumn("chat_room_id", func(m *protocol.Message) *uuid.UUID { return &m.RoomID }).missing(noID),
	uuidColumn("sender_id", func(m *protocol.Message) *uuid.UUID { return &m.Sender.ID }).missing(noID),
	textColumn("content", func(m *protocol.Message) *string { return &m.Content }).changes(),
	textColumn("message_type", func(m *protocol.Message) *string { return (*string)(&m.Type) }).missing("'text'"),
	{name: "reply_to_id", null: true, value: originalOf},
	plainColumn("is_edited", func(m *protocol.Message) *bool { return &m.IsEdited }).missing("0").changes(),
	timeColumn("created_at", func(m *protocol.Message) *time.Time { return &m.CreatedAt }),
	timeColumn("updated_at", func(m *protocol.Message) *time.Time { return &m.UpdatedAt }).changes(),
	plainColumn("seq", func(m *protocol.Message) *int64 { return &m.Seq }),
	plainColumn("rev", func(m *protocol.Message) *int64 { return &m.Rev }).changes(),
	textColumn("client_id", func(m *protocol.Message) *string { return &m.ClientID }).orNull(),
	clientKeyColumn,
	rareTimeColumn("deleted_at", func(e *protocol.Extra) time.Time { return e.DeletedAt }, func(r *persist.RareColumns) **time.Time { return &r.DeletedAt }),
	rareTimeColumn("pinned_at", func(e *protocol.Extra) time.Time { return e.PinnedAt }, func(r *persist.RareColumns) **time.Time { return &r.PinnedAt }),
	extraColumn,
}

// column is one column of chat_messages.
type column struct {
	name     string
	selected string // the expression that reads it from chat_messages m
	changed  bool   // a change of a message may change it
	null     bool   // it may be stored as NULL
	rare     bool   // of most messages it is NULL: only others name it

	target func(*scanned) any                    // where a value that was read goes; nil: it is only written
	value  func(*written, *protocol.Message) any // the value to write
}

// scanned is where the columns of a row are read to.
type scanned struct {
	protocol.Message
	rare persist.RareColumns
}

// plainColumn is one whose values the driver reads and writes by itself.
func plainColumn[T any](name string, at func(*protocol.Message) *T) column {
	return column{
		name: name, selected: "m." + name,
		target: func(s *scanned) any { return at(&s.Message) },
		value:  func(_ *written, m *protocol.Message) any { return *at(m) },
	}
}

func textColumn(name string, at func(*protocol.Message) *string) column {
	return plainColumn(name, at).missing("''")
}

func uuidColumn(name string, at func(*protocol.Message) *uuid.UUID) column {
	return column{
		name: name, selected: "m." + name,
		target: func(s *scanned) any { return at(&s.Message) },
		value:  func(w *written, m *protocol.Message) any { return w.id(*at(m)) },
	}
}

func timeColumn(name string, at func(*protocol.Message) *time.Time) column {
	return column{
		name: name, selected: "m." + name,
		target: func(s *scanned) any { return stamp{at(&s.Message)} },
		value:  func(w *written, m *protocol.Message) any { return w.stamp(*at(m)) },
	}
}

// unlike is for ids that no other message has.
func (c column) unlike() column {
	value := c.value
	c.value = func(_ *written, m *protocol.Message) any { return value(nil, m) }
	return c
}

func (c column) changes() column {
	c.changed = true
	return c
}

// missing is what NULL is read as, in SQL.
func (c column) missing(value string) column {
	c.selected = "coalesce(m." + c.name + ", " + value + ")"
	return c
}

// noID is the nil id, in SQL.
const noID = "'00000000-0000-0000-0000-000000000000'"

// orNull is for text: the empty one is stored as NULL.
func (c column) orNull() column {
	c.null = true
	value := c.value
	c.value = func(w *written, m *protocol.Message) any {
		if v := value(w, m); v != "" {
			return v
		}
		return nil
	}
	return c
}

func originalOf(_ *written, m *protocol.Message) any {
	if m.ReplyTo == nil {
		return nil
	}
	return m.ReplyTo.ID.String()
}

// What is made from messageTable, once.
var (
	// readTable are the columns that a message is read from.
	readTable = slices.DeleteFunc(slices.Clone(messageTable), func(c column) bool { return c.target == nil })

	// plainTable are those that most messages have a value in.
	plainTable = slices.DeleteFunc(slices.Clone(messageTable), func(c column) bool { return c.rare })

	// insertPlain is of many rows.
	insertPlain = insertInto(plainTable) + "(?)"
	insertWhole = insertInto(messageTable) + "(" + list(messageTable, func(column) string { return "?" }) + ")"

	// plainChanges and wholeChanges are the arguments of their updates: what may change, and
	// the id.
	plainChanges, wholeChanges = changesOf(plainTable), changesOf(messageTable)
	updatePlain, updateWhole   = updateOf(plainChanges), updateOf(wholeChanges)
)

// insertInto begins an INSERT. OR FAIL, as whoever runs it undoes the transaction where it fails:
// of a statement of many rows SQLite would keep a journal of its own, to undo it alone.
func insertInto(columns []column) string {
	return "INSERT OR FAIL INTO chat_messages (" + list(columns, func(c column) string { return c.name }) + ") VALUES "
}

func changesOf(columns []column) []column {
	return append(slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return !c.changed }), columns[0])
}

func updateOf(changes []column) string {
	return "UPDATE chat_messages SET " +
		list(changes[:len(changes)-1], func(c column) string { return c.name + " = ?" }) + " WHERE id = ?"
}

func list(columns []column, text func(column) string) string {
	var parts []string
	for _, c := range columns {
		parts = append(parts, text(c))
	}
	return strings.Join(parts, ", ")
}

// args appends the values of a message in those columns.
func (w *written) args(dst []any, columns []column, m *protocol.Message) []any {
	for i := range columns {
		dst = append(dst, columns[i].value(w, m))
	}
	return dst
}
