package postgres

import (
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
)

const (
	deleteReactions = `DELETE FROM chat_reactions WHERE message_id = ANY($1)`

	deleteMentions = `DELETE FROM chat_mentions t USING unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS n(member, room, seq)
	WHERE t.user_id = n.member AND t.chat_room_id = n.room AND t.seq = n.seq`
)

// queueDeletions comes after what adds reactions, mentions and attachments.
func queueDeletions(batch *pgx.Batch, plan *persist.Plan) {
	if len(plan.Deletions) == 0 {
		return
	}
	var messages, withFiles, users, rooms [][16]byte
	var seqs []int64
	for i := range plan.Deletions {
		d := &plan.Deletions[i]
		messages = append(messages, d.Message)
		if d.Files {
			withFiles = append(withFiles, d.Message)
		}
		for _, user := range d.Mentioned {
			users, rooms, seqs = append(users, user), append(rooms, d.Room), append(seqs, d.Seq)
		}
	}
	batch.Queue(deleteReactions, messages)
	if len(withFiles) > 0 {
		batch.Queue(deleteAttachments, withFiles)
	}
	if len(users) > 0 {
		batch.Queue(deleteMentions, users, rooms, seqs)
	}
}
