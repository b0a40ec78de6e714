package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// scanRow reads the only row and reports whether there is one.
func scanRow(row *sql.Row, dest ...any) (bool, error) {
	err := row.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// scanMessage reads a row of selectMessage. sql.ErrNoRows if there is none.
func scanMessage(row scanner) (*protocol.Message, error) {
	m := new(protocol.Message)
	var (
		original, originalEmail sql.NullString
		replyTo                 uuid.NullUUID
	)
	targets := make([]any, 0, len(readTable)+7)
	for _, c := range readTable {
		targets = append(targets, c.target(m))
	}
	targets = append(targets, &m.Sender.Email, &m.Sender.Username, &m.Sender.FirstName, &m.Sender.LastName,
		&replyTo, &original, &originalEmail)
	if err := row.Scan(targets...); err != nil {
		return nil, err
	}
	if replyTo.Valid {
		m.ReplyTo = &protocol.Reply{ID: replyTo.UUID, Content: persist.Excerpt(original.String), SenderEmail: originalEmail.String}
	}
	return m, nil
}

// queryMessages reads all rows of a statement of selectMessage.
func queryMessages(ctx context.Context, statement *sql.Stmt, args ...any) ([]protocol.Message, error) {
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var messages []protocol.Message
	for rows.Next() {
		m, err := scanMessage(rows)
		if err != nil {
			return nil, err
		}
		messages = append(messages, *m)
	}
	return messages, rows.Err()
}
