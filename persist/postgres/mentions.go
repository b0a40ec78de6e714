package postgres

import (
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
)

const insertMentions = `INSERT INTO chat_mentions (user_id, chat_room_id, seq)
	SELECT member, room, seq FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS n(member, room, seq) ON CONFLICT DO NOTHING`

func queueMentions(batch *pgx.Batch, plan *persist.Plan) {
	n := len(plan.Mentions)
	if n == 0 {
		return
	}
	users, rooms, seqs := make([][16]byte, n), make([][16]byte, n), make([]int64, n)
	for i, m := range plan.Mentions {
		users[i], rooms[i], seqs[i] = m.User, m.Room, m.Seq
	}
	batch.Queue(insertMentions, users, rooms, seqs)
}
