package postgres

import (
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// messageColumns and messageJoins select whole messages m. A sender whom the
// application has deleted is known by id alone.
var messageColumns = list(readTable, func(c column) string { return c.selected }) + `,
	coalesce(u.email::text, ''), coalesce(u.username::text, ''), coalesce(u.first_name::text, ''), coalesce(u.last_name::text, ''),
	o.id, ` + quoted("o") + `, coalesce(ou.email::text, ''), o.deleted_at IS NOT NULL`

var messageJoins = `
	LEFT JOIN users u ON u.id = m.sender_id
	LEFT JOIN chat_messages o ON o.id = m.reply_to_id AND ` + inRoom("o") + `
	LEFT JOIN users ou ON ou.id = o.sender_id`

// quoted is what a reply shows of a message, which may be cut: its text, or, of files without a
// caption, the first one's name.
func quoted(message string) string {
	return `coalesce(nullif(left(` + message + `.content::text, 100), ''), left(` + message + `.extra->'attachments'->0->>'name', 100), '')`
}

// inRoom is whether a message does not stand before the number that its room begins with.
func inRoom(message string) string {
	return `(` + message + `.seq >= (SELECT first_seq FROM chat_rooms b WHERE b.id = ` + message + `.chat_room_id)) IS NOT FALSE`
}

// messageScan reads rows that select other columns and then messageColumns,
// which are all null where there is no message.
type messageScan struct {
	row        scanned
	originalID *[16]byte
	original   protocol.Reply
	odd        *persist.OddRows

	before  int
	targets []any // for a row with a message
	none    []any // for a row without
}

// newMessageScan takes what to scan the columns before messageColumns into.
func newMessageScan(odd *persist.OddRows, before ...any) *messageScan {
	s := &messageScan{odd: odd, before: len(before)}
	m := &s.row
	s.targets = before
	for _, c := range readTable {
		s.targets = append(s.targets, c.target(m))
	}
	s.targets = append(s.targets, &m.Sender.Email, &m.Sender.Username, &m.Sender.FirstName, &m.Sender.LastName,
		&s.originalID, &s.original.Content, &s.original.SenderEmail, &s.original.Deleted)
	s.none = make([]any, len(s.targets)) // nil skips a column
	copy(s.none, before)
	return s
}

// scan reads the present row and reports whether it has a message.
func (s *messageScan) scan(rows pgx.Rows) (found bool, err error) {
	if rows.RawValues()[s.before] == nil {
		return false, rows.Scan(s.none...)
	}
	return true, rows.Scan(s.targets...)
}

// message returns the message that was scanned last.
func (s *messageScan) message() protocol.Message {
	m := s.row.message(s.odd)
	if s.originalID != nil {
		reply := s.original
		reply.ID = *s.originalID
		m.ReplyTo = persist.NewReply(reply)
	}
	return m
}

// message returns the message of what was read, but for its original.
func (s *scanned) message(odd *persist.OddRows) protocol.Message {
	m := s.Message
	m.CreatedAt, m.UpdatedAt = m.CreatedAt.UTC(), m.UpdatedAt.UTC()
	if err := s.rare.Fill(&m); err != nil {
		odd.Tell("chat_messages", m.ID.String(), err)
	}
	return m
}

// eachMessage reads rows of messageColumns alone.
func eachMessage(odd *persist.OddRows, rows pgx.Rows, take func(*protocol.Message)) error {
	scan := newMessageScan(odd)
	_, err := pgx.ForEachRow(rows, scan.targets, func() error {
		m := scan.message()
		take(&m)
		return nil
	})
	return err
}
