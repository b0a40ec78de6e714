package sqlite

import (
	"database/sql"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
)

const (
	selectOwnReactions = `SELECT message_id, user_id, emoji, shown, created_at FROM chat_reactions WHERE message_id = ? AND user_id = ?`
	selectReactions    = `SELECT message_id, user_id, emoji, shown, created_at FROM chat_reactions WHERE message_id = ? LIMIT ?`

	// countEmoji has as shown that of the row with the first created_at, which is SQLite's way
	// with min().
	countEmoji = `SELECT emoji, shown, count(*), min(created_at) FROM chat_reactions WHERE message_id = ? GROUP BY emoji`

	// countReplies counts up to a limit.
	countReplies = `SELECT count(*) FROM (SELECT 1 FROM chat_messages WHERE reply_to_id = ? AND deleted_at IS NULL LIMIT ?)`

	insertReaction   = `INSERT INTO chat_reactions (message_id, user_id, emoji, shown, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	withdrawReaction = `DELETE FROM chat_reactions WHERE message_id = ? AND user_id = ? AND emoji = ?`

	// insertDue keeps since when a summary is due.
	insertDue = `INSERT INTO chat_summaries_due (message_id, chat_room_id, due_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	deleteDue = `DELETE FROM chat_summaries_due WHERE message_id = ? AND chat_room_id = ?`
)

// findReactions answers the part of a Lookup that is about reactions. The messages were found
// already.
func (s *Store) findReactions(tx *sql.Tx, l *persist.Lookup, found *persist.Found) error {
	for _, of := range l.Reactors {
		if _, known := found.Reactions[of]; known {
			continue
		}
		rows, err := reactions(tx.Stmt(s.write.ownReactions), of.Message.String(), of.User.String())
		if err != nil {
			return err
		}
		found.Reactions[of] = rows
	}
	for _, id := range l.Counted {
		if err := s.count(tx, id, l, found); err != nil {
			return err
		}
	}
	for _, id := range l.Unlisted(found) {
		if err := s.count(tx, id, l, found); err != nil {
			return err
		}
	}
	return nil
}

// count counts what a message has of reactions and answers.
func (s *Store) count(tx *sql.Tx, id uuid.UUID, l *persist.Lookup, found *persist.Found) (err error) {
	c := &persist.Counted{}
	found.Counted[id] = c
	if c.Rows, err = reactions(tx.Stmt(s.write.reactions), id.String(), l.Named+1); err != nil {
		return err
	}
	if len(c.Rows) > l.Named {
		c.Rows = nil
		if c.Emoji, err = emojiCounts(tx.Stmt(s.write.emoji), id.String()); err != nil {
			return err
		}
	}
	_, err = scanRow(tx.Stmt(s.write.replies).QueryRow(id.String(), l.Replies), &c.Replies)
	return err
}

func reactions(statement *sql.Stmt, args ...any) (all []persist.Reaction, err error) {
	rows, err := statement.Query(args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r persist.Reaction
		if err := rows.Scan(&r.Message, &r.User, &r.Emoji, &r.Shown, stamp{&r.At}); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

func emojiCounts(statement *sql.Stmt, args ...any) (all []persist.EmojiCount, err error) {
	rows, err := statement.Query(args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e persist.EmojiCount
		if err := rows.Scan(&e.Emoji, &e.Shown, &e.Count, stamp{&e.First}); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, rows.Err()
}

func (s *Store) writeReactions(tx *sql.Tx, plan *persist.Plan) error {
	for i := range plan.Reactions {
		r := &plan.Reactions[i]
		if _, err := tx.Stmt(s.write.react).Exec(r.Message.String(), r.User.String(), r.Emoji, r.Shown, formatStamp(r.At)); err != nil {
			return err
		}
	}
	for i := range plan.Withdrawn {
		r := &plan.Withdrawn[i]
		if _, err := tx.Stmt(s.write.withdraw).Exec(r.Message.String(), r.User.String(), r.Emoji); err != nil {
			return err
		}
	}
	for _, d := range plan.Due {
		if _, err := tx.Stmt(s.write.due).Exec(d.Message.String(), d.Room.String(), formatStamp(time.Now())); err != nil {
			return err
		}
	}
	for _, d := range plan.Summarized {
		if _, err := tx.Stmt(s.write.dueNoMore).Exec(d.Message.String(), d.Room.String()); err != nil {
			return err
		}
	}
	return nil
}
