package postgres

import (
	"fmt"
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
	uuidColumn("id", func(m *protocol.Message) *uuid.UUID { return &m.ID }).neverNull(),
	uuidColumn("chat_room_id", func(m *protocol.Message) *uuid.UUID { return &m.RoomID }),
	uuidColumn("sender_id", func(m *protocol.Message) *uuid.UUID { return &m.Sender.ID }),
	textColumn("content", func(m *protocol.Message) *string { return &m.Content }).changes(),
	textColumn("message_type", func(m *protocol.Message) *string { return (*string)(&m.Type) }).missing("'text'"),
	uuidColumn("reply_to_id", originalOf).orNull().writtenOnly(),
	boolColumn("is_edited", func(m *protocol.Message) *bool { return &m.IsEdited }).changes(),
	timeColumn("created_at", func(m *protocol.Message) *time.Time { return &m.CreatedAt }),
	timeColumn("updated_at", func(m *protocol.Message) *time.Time { return &m.UpdatedAt }).changes(),
	numberColumn("seq", func(m *protocol.Message) *int64 { return &m.Seq }),
	numberColumn("rev", func(m *protocol.Message) *int64 { return &m.Rev }).changes(),
	textColumn("client_id", func(m *protocol.Message) *string { return &m.ClientID }).orNull(),
	rareTimeColumn("deleted_at", func(e *protocol.Extra) time.Time { return e.DeletedAt }, func(r *persist.RareColumns) any { return &r.DeletedAt }),
	rareTimeColumn("pinned_at", func(e *protocol.Extra) time.Time { return e.PinnedAt }, func(r *persist.RareColumns) any { return &r.PinnedAt }),
	extraColumn,
}

// column is one column of chat_messages.
type column struct {
	name     string
	sqlType  string
	none     string // what stands for NULL, in SQL
	selected string // the expression that reads it from chat_messages m; empty: it is only written
	null     bool   // none is stored as NULL
	changed  bool   // a change of a message may change it
	numbered bool   // its value is the room's new number
	json     bool   // it is stored as JSON
	rare     bool   // most messages store NULL: a batch names it only where some message has a value

	target func(*scanned) any                         // where a value that was read goes
	value  func(*protocol.Message) any                // the value to write
	empty  func(*protocol.Message) bool               // it is the zero value
	array  func([]*protocol.Message) any              // the values to write, for unnest
	copied func(b []byte, m *protocol.Message) []byte // appends the value in COPY's binary format
}

// scanned is where the columns of a row are read to.
type scanned struct {
	protocol.Message
	rare persist.RareColumns
}

// newColumn makes a column whose value stands where at says.
func newColumn[T comparable](name, sqlType, none string, at func(*protocol.Message) *T) column {
	return column{
		name: name, sqlType: sqlType, none: none, selected: "coalesce(m." + name + ", " + none + ")",
		target: func(s *scanned) any { return at(&s.Message) },
		value:  func(m *protocol.Message) any { return *at(m) },
		empty:  func(m *protocol.Message) bool { return *at(m) == *new(T) },
		array: func(messages []*protocol.Message) any {
			values := make([]T, len(messages))
			for i, m := range messages {
				values[i] = *at(m)
			}
			return values
		},
	}
}

// uuidColumn uses the form in which pgx encodes and decodes uuids without reflection.
func uuidColumn(name string, at func(*protocol.Message) *uuid.UUID) column {
	c := newColumn(name, "uuid", "'00000000-0000-0000-0000-000000000000'::uuid",
		func(m *protocol.Message) *[16]byte { return (*[16]byte)(at(m)) })
	c.copied = func(b []byte, m *protocol.Message) []byte { return appendUUID(b, *at(m)) }
	return c
}

// textColumn reads as text what an adopted database may have in any type.
func textColumn(name string, at func(*protocol.Message) *string) column {
	c := newColumn(name, "text", "''", at)
	c.selected = "coalesce(m." + name + "::text, '')"
	c.copied = func(b []byte, m *protocol.Message) []byte { return appendText(b, *at(m)) }
	return c
}

func boolColumn(name string, at func(*protocol.Message) *bool) column {
	c := newColumn(name, "boolean", "false", at)
	c.copied = func(b []byte, m *protocol.Message) []byte { return appendBool(b, *at(m)) }
	return c
}

// timeColumn reads as the epoch what protocol.Message cannot hold.
func timeColumn(name string, at func(*protocol.Message) *time.Time) column {
	c := newColumn(name, "timestamptz", "'epoch'", at)
	c.selected = "CASE WHEN isfinite(m." + name + ") THEN m." + name + " ELSE 'epoch' END"
	c.copied = func(b []byte, m *protocol.Message) []byte { return appendTime(b, *at(m)) }
	return c
}

func numberColumn(name string, at func(*protocol.Message) *int64) column {
	c := newColumn(name, "bigint", "0", at)
	c.numbered = true
	c.copied = func(b []byte, m *protocol.Message) []byte { return appendInt(b, *at(m)) }
	return c
}

// neverNull reads the column as it stands, so that NULL means that there is no row.
func (c column) neverNull() column {
	c.selected = "m." + c.name
	return c
}

// missing is what NULL is read as, in SQL.
func (c column) missing(value string) column {
	c.selected = "coalesce(m." + c.name + "::text, " + value + ")"
	return c
}

func (c column) changes() column {
	c.changed = true
	return c
}

// writtenOnly is for what is read from another table.
func (c column) writtenOnly() column {
	c.selected = ""
	return c
}

// orNull stores NULL in place of the zero value.
func (c column) orNull() column {
	c.null = true
	copied := c.copied
	c.copied = func(b []byte, m *protocol.Message) []byte {
		if c.empty(m) {
			return appendNull(b)
		}
		return copied(b, m)
	}
	return c
}

// stored is the expression that makes the stored value of a given one.
func (c column) stored(given string) string {
	switch {
	case c.json:
		return given + "::jsonb"
	case c.null && !c.rare:
		return "nullif(" + given + ", " + c.none + ")"
	}
	return given
}

// noOriginal is the original of what is no reply.
var noOriginal uuid.UUID

func originalOf(m *protocol.Message) *uuid.UUID {
	if m.ReplyTo == nil {
		return &noOriginal
	}
	return &m.ReplyTo.ID
}

// readTable are the columns that a message is read from.
var readTable = slices.DeleteFunc(slices.Clone(messageTable), func(c column) bool { return c.selected == "" })

// The statements that are made from messageTable, once.
var (
	plainRows, wholeRows       = newInsertion(plainTable), newInsertion(messageTable)
	plainChanges, wholeChanges = newUpdate(plainTable), newUpdate(messageTable)
)

// plainTable are the columns that most messages have a value in.
var plainTable = slices.DeleteFunc(slices.Clone(messageTable), func(c column) bool { return c.rare })

// insertion is how new messages are written.
type insertion struct {
	columns      []column
	names        string // in that order
	insert       string // with an array of values for each column
	insertByCopy string
}

func newInsertion(columns []column) *insertion {
	names := list(columns, func(c column) string { return c.name })
	return &insertion{
		columns: columns, names: names,
		insert: "INSERT INTO chat_messages (" + names + ")\n\tSELECT " +
			list(columns, func(c column) string { return c.stored("n." + c.name) }) +
			"\n\tFROM unnest(" + arrays(columns) + ") AS n(" + names + ")",
		insertByCopy: "COPY chat_messages (" + names + ") FROM STDIN BINARY",
	}
}

// insertionOf is the one that messages need.
func insertionOf(messages []*protocol.Message) *insertion {
	for _, m := range messages {
		if m.Extra != nil {
			return wholeRows
		}
	}
	return plainRows
}

// update is how messages that are there are written: the id, and what may change.
type update struct {
	columns []column
	sql     string // with an array of values for each column
}

func newUpdate(of []column) *update {
	columns := append(of[:1:1], slices.DeleteFunc(slices.Clone(of), func(c column) bool { return !c.changed })...)
	return &update{columns: columns, sql: "UPDATE chat_messages m SET " +
		list(columns[1:], func(c column) string { return c.name + " = " + c.stored("n."+c.name) }) +
		"\n\tFROM unnest(" + arrays(columns) + ") AS n(" +
		list(columns, func(c column) string { return c.name }) + ") WHERE m.id = n.id"}
}

// updateOf is the one that a plan needs.
func updateOf(plan *persist.Plan) *update {
	if plan.RareUpdates {
		return wholeChanges
	}
	return plainChanges
}

func list(columns []column, text func(column) string) string {
	var parts []string
	for _, c := range columns {
		parts = append(parts, text(c))
	}
	return strings.Join(parts, ", ")
}

// arrays are the arguments of unnest.
func arrays(columns []column) string {
	n := 0
	return list(columns, func(c column) string {
		n++
		return fmt.Sprintf("$%d::%s[]", n, c.sqlType)
	})
}

// arrayArgs are the values of the messages in those columns, for unnest.
func arrayArgs(columns []column, messages []*protocol.Message) []any {
	args := make([]any, len(columns))
	for i, c := range columns {
		args[i] = c.array(messages)
	}
	return args
}
