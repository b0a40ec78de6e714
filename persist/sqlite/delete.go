package sqlite

import (
	"database/sql"

	"github.com/caravan-chat/caravan/persist"
)

const (
	deleteReactions = `DELETE FROM chat_reactions WHERE message_id = ?`
	deleteMention   = `DELETE FROM chat_mentions WHERE user_id = ? AND chat_room_id = ? AND seq = ?`
)

// writeDeletions comes after what adds reactions, mentions and attachments.
func (s *Store) writeDeletions(tx *sql.Tx, plan *persist.Plan) error {
	for i := range plan.Deletions {
		d := &plan.Deletions[i]
		if _, err := tx.Stmt(s.write.deleteReactions).Exec(d.Message.String()); err != nil {
			return err
		}
		if d.Files {
			if _, err := tx.Stmt(s.write.deleteFiles).Exec(d.Message.String()); err != nil {
				return err
			}
		}
		for _, user := range d.Mentioned {
			if _, err := tx.Stmt(s.write.deleteMention).Exec(user.String(), d.Room.String(), d.Seq); err != nil {
				return err
			}
		}
	}
	return nil
}
