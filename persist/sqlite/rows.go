package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// scanRow reads the only row and reports whether there is one.
func scanRow(row *sql.Row, dest ...any) (bool, error) {
	err := row.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// scanFault reports whether an error says that a value is none of the type that is read:
// in SQLite any column may hold anything. database/sql has no type for it.
func scanFault(err error) bool {
	return err != nil && strings.Contains(err.Error(), "sql: Scan error")
}

// messageScan reads rows of selectMessage.
type messageScan struct {
	row                     scanned
	original, originalEmail sql.NullString
	originalDeleted         bool
	replyTo                 uuid.NullUUID
	targets                 []any
}

// besidesTable is how many columns messageColumns has besides readTable.
const besidesTable = 8

// newMessageScan takes what to scan the columns before messageColumns into.
func newMessageScan(before ...any) *messageScan {
	s := &messageScan{targets: append(make([]any, 0, len(before)+len(readTable)+besidesTable), before...)}
	m := &s.row
	for _, c := range readTable {
		s.targets = append(s.targets, c.target(m))
	}
	s.targets = append(s.targets, &m.Sender.Email, &m.Sender.Username, &m.Sender.FirstName, &m.Sender.LastName,
		&s.replyTo, &s.original, &s.originalEmail, &s.originalDeleted)
	return s
}

// message returns the message that was scanned.
func (s *messageScan) message(odd *persist.OddRows) *protocol.Message {
	m := &s.row.Message
	if err := s.row.rare.Fill(m); err != nil {
		odd.Tell("chat_messages", m.ID.String(), err)
	}
	if s.replyTo.Valid {
		m.ReplyTo = persist.NewReply(protocol.Reply{
			ID: s.replyTo.UUID, Content: s.original.String, SenderEmail: s.originalEmail.String, Deleted: s.originalDeleted,
		})
	}
	return m
}

// oneMessage reads the only row. sql.ErrNoRows if there is none.
func (s *Store) oneMessage(row *sql.Row) (*protocol.Message, error) {
	scan := newMessageScan()
	if err := row.Scan(scan.targets...); err != nil {
		return nil, err
	}
	return scan.message(s.odd), nil
}

// queryMessages reads the rows of a statement of selectMessage, as many as the stretch
// takes. Of one that cannot be read as a whole it takes what can be read; one without an
// id is left out.
func (s *Store) queryMessages(ctx context.Context, statement *sql.Stmt, into *persist.Stretch, args ...any) error {
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for !into.Full() && rows.Next() {
		scan, err := s.scanMessage(rows)
		switch {
		case err != nil:
			return err
		case scan.row.ID != uuid.Nil:
			into.Add(scan.message(s.odd))
		}
	}
	return rows.Err()
}

// scanMessage reads the present row of other columns and messageColumns, or what can
// be read of it.
func (s *Store) scanMessage(rows *sql.Rows, before ...any) (*messageScan, error) {
	scan := newMessageScan(before...)
	err := rows.Scan(scan.targets...)
	if scanFault(err) {
		scan, err = s.mend(rows, before)
	}
	return scan, err
}

// queryEntries reads the rows of selectWalk, as many as the log takes.
func (s *Store) queryEntries(ctx context.Context, statement *sql.Stmt, into *persist.Log, args ...any) error {
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for !into.Full() && rows.Next() {
		var e room.LogEntry
		var there bool // there is a message
		before := []any{&e.Seq, &e.Kind, &e.Row, &there}
		if err := rows.Scan(onlyThe(before)...); err != nil {
			return err
		}
		if there {
			scan, err := s.scanMessage(rows, before...)
			if err != nil {
				return err
			}
			if scan.row.ID != uuid.Nil {
				e.Message = scan.message(s.odd)
			}
		}
		into.Add(e)
	}
	return rows.Err()
}

// onlyThe returns targets for a row of selectWalk that take the first columns and
// leave out the others.
func onlyThe(first []any) []any {
	targets := append(make([]any, 0, len(first)+len(readTable)+besidesTable), first...)
	for len(targets) < cap(targets) {
		targets = append(targets, sink{})
	}
	return targets
}

// sink is a target that keeps nothing.
type sink struct{}

// Scan implements sql.Scanner.
func (sink) Scan(any) error { return nil }

// mend reads the present row of other columns and messageColumns value by value.
func (s *Store) mend(rows *sql.Rows, before []any) (*messageScan, error) {
	scan := newMessageScan(before...)
	var id any
	var why error
	targets := make([]any, len(scan.targets))
	for i, target := range append(scan.targets, &id) {
		for j := range targets {
			targets[j] = new(any)
		}
		if i == len(targets) { // the message's id once more, for people
			i = len(before)
		}
		targets[i] = target
		switch err := rows.Scan(targets...); {
		case scanFault(err):
			why = err
		case err != nil:
			return nil, err
		}
	}
	s.odd.Tell("chat_messages", fmt.Sprint(id), why)
	return scan, nil
}

// firstOf returns the first value of the present row, for people.
func firstOf(rows *sql.Rows) string {
	columns, err := rows.Columns()
	if err != nil {
		return ""
	}
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(any)
	}
	if err := rows.Scan(values...); err != nil {
		return ""
	}
	return fmt.Sprint(*values[0].(*any))
}
