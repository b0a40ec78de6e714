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
		clientID, original, originalEmail sql.NullString
		replyTo                           uuid.NullUUID
	)
	if err := row.Scan(&m.ID, &m.RoomID, &m.Sender.ID, &m.Sender.Email, &m.Sender.Username,
		&m.Sender.FirstName, &m.Sender.LastName, &m.Content, &m.Type, &m.IsEdited,
		stamp{&m.CreatedAt}, stamp{&m.UpdatedAt}, &m.Seq, &m.Rev, &clientID,
		&replyTo, &original, &originalEmail); err != nil {
		return nil, err
	}
	m.ClientID = clientID.String
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
