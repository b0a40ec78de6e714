package sqlite

import (
	"database/sql"

	"github.com/caravan-chat/caravan/persist"
)

const (
	selectUsage   = `SELECT seq, bytes FROM chat_usage WHERE chat_room_id = ?`
	selectSent    = `SELECT day, messages FROM chat_sent WHERE user_id = ?`
	countContents = `SELECT count(*), coalesce(sum(length(CAST(content AS BLOB)) +
			CASE WHEN json_valid(extra) THEN coalesce(length(CAST(extra ->> '$.data' AS BLOB)), 0) ELSE 0 END), 0), coalesce(max(seq), 0)
		FROM (SELECT seq, content, extra FROM chat_messages WHERE chat_room_id = ? AND seq > ? ORDER BY seq LIMIT ?)`
	setUsage = `INSERT INTO chat_usage (chat_room_id, seq, bytes) VALUES (?, ?, ?)
		ON CONFLICT (chat_room_id) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes`

	// addSent begins anew on a later day, and leaves out what comes late from the day before.
	addSent = `INSERT INTO chat_sent (user_id, day, messages) VALUES (?, ?, ?)
		ON CONFLICT (user_id) DO UPDATE SET day = excluded.day, messages = CASE WHEN day = excluded.day THEN messages ELSE 0 END + excluded.messages
		WHERE day <= excluded.day`
)

// findQuotas finds what the quotas of a lookup need, and counts what nobody has.
func (s *Store) findQuotas(tx *sql.Tx, l *persist.Lookup, found *persist.Found) error {
	if l.Quotas.RoomBytes > 0 {
		for id := range found.Rooms {
			var known persist.Usage
			if _, err := scanRow(tx.Stmt(s.write.usage).QueryRow(id.String()), &known.Seq, &known.Bytes); err != nil {
				return err
			}
			err := found.Use(id, known, func(after int64) (p persist.Portion, err error) {
				_, err = scanRow(tx.Stmt(s.write.count).QueryRow(id.String(), after, persist.CountedMax), &p.Messages, &p.Bytes, &p.Last)
				return p, err
			})
			if err != nil {
				return err
			}
		}
	}
	if l.Quotas.UserMessagesPerDay > 0 {
		for _, user := range l.Users() {
			var sent persist.Sent
			if _, err := scanRow(tx.Stmt(s.write.sent).QueryRow(user.String()), &sent.Day, &sent.Messages); err != nil {
				return err
			}
			found.Sent[user] = sent
		}
	}
	return nil
}

func (s *Store) writeSpent(tx *sql.Tx, plan *persist.Plan) error {
	for _, u := range plan.Usage {
		if _, err := tx.Stmt(s.write.setUsage).Exec(u.Room.String(), u.Seq, u.Bytes); err != nil {
			return err
		}
	}
	for _, u := range plan.Sent {
		if _, err := tx.Stmt(s.write.addSent).Exec(u.User.String(), u.Day, u.Messages); err != nil {
			return err
		}
	}
	return nil
}
