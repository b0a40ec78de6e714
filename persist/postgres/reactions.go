package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

const (
	findReactions = `SELECT t.message_id, t.user_id, t.emoji, t.shown, t.created_at
	FROM unnest($1::uuid[], $2::uuid[]) AS n(message, member) JOIN chat_reactions t ON t.message_id = n.message AND t.user_id = n.member`

	// countReactions returns the rows of each message, at most $2.
	countReactions = `SELECT r.message_id, r.user_id, r.emoji, r.shown, r.created_at FROM unnest($1::uuid[]) AS n(message)
	CROSS JOIN LATERAL (SELECT * FROM chat_reactions t WHERE t.message_id = n.message LIMIT $2) r`

	// countEmoji returns how many reactions have each emoji, of messages that have $2 or more.
	// Nearly always an emoji was given in one form only.
	countEmoji = `SELECT n.message, r.emoji, CASE WHEN r.shown = r.other THEN r.shown ELSE
		(SELECT min(t.shown) FROM chat_reactions t WHERE t.message_id = n.message AND t.emoji = r.emoji AND t.created_at = r.first) END, r.count, r.first
	FROM unnest($1::uuid[]) AS n(message)
	CROSS JOIN LATERAL (SELECT t.emoji, min(t.shown) AS shown, max(t.shown) AS other, count(*), min(t.created_at) AS first
		FROM chat_reactions t WHERE t.message_id = n.message GROUP BY t.emoji) r
	WHERE EXISTS (SELECT FROM chat_reactions t WHERE t.message_id = n.message OFFSET $2 - 1)`

	// countReplies counts up to $2.
	countReplies = `SELECT n.message, (SELECT count(*) FROM (SELECT FROM chat_messages m
		WHERE m.reply_to_id = n.message AND m.deleted_at IS NULL LIMIT $2) r) FROM unnest($1::uuid[]) AS n(message)`

	insertReactions = `INSERT INTO chat_reactions (message_id, user_id, emoji, shown, created_at)
	SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) ON CONFLICT DO NOTHING`

	withdrawReactions = `DELETE FROM chat_reactions t USING unnest($1::uuid[], $2::uuid[], $3::text[]) AS n(message, member, emoji)
	WHERE t.message_id = n.message AND t.user_id = n.member AND t.emoji = n.emoji`

	// reactionsInForce tells whether all that were given are there.
	reactionsInForce = `SELECT NOT EXISTS (SELECT FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS n(message, member, emoji)
	LEFT JOIN chat_reactions t ON t.message_id = n.message AND t.user_id = n.member AND t.emoji = n.emoji WHERE t.message_id IS NULL)`

	// withdrawnInForce tells whether none of those that were given is there.
	withdrawnInForce = `SELECT NOT EXISTS (SELECT FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS n(message, member, emoji)
	JOIN chat_reactions t ON t.message_id = n.message AND t.user_id = n.member AND t.emoji = n.emoji)`

	// insertDue keeps since when a summary is due.
	insertDue = `INSERT INTO chat_summaries_due (message_id, chat_room_id, due_at)
	SELECT message, room, now() FROM unnest($1::uuid[], $2::uuid[]) AS n(message, room) ON CONFLICT DO NOTHING`

	deleteDue = `DELETE FROM chat_summaries_due t USING unnest($1::uuid[], $2::uuid[]) AS n(message, room)
	WHERE t.message_id = n.message AND t.chat_room_id = n.room`
)

// queueReactors asks for what reactions those who set some have.
func queueReactors(batch *pgx.Batch, l *persist.Lookup, found *persist.Found) {
	if len(l.Reactors) == 0 {
		return
	}
	messages, users := make([][16]byte, len(l.Reactors)), make([][16]byte, len(l.Reactors))
	for i, r := range l.Reactors {
		messages[i], users[i] = r.Message, r.User
	}
	// A reactor that repeats has its rows more often, which the rules do not mind.
	batch.Queue(findReactions, messages, users).Query(func(rows pgx.Rows) error {
		return eachReaction(rows, func(r persist.Reaction) {
			of := persist.Reactor{Message: r.Message, User: r.User}
			found.Reactions[of] = append(found.Reactions[of], r)
		})
	})
}

// queueCounts asks for what messages have of reactions and answers.
func queueCounts(batch *pgx.Batch, messages []uuid.UUID, l *persist.Lookup, found *persist.Found) {
	if len(messages) == 0 {
		return
	}
	for _, id := range messages {
		found.Counted[id] = &persist.Counted{}
	}
	of := ids(messages)
	batch.Queue(countReactions, of, l.Named+1).Query(func(rows pgx.Rows) error {
		return eachReaction(rows, func(r persist.Reaction) {
			c := found.Counted[r.Message]
			c.Rows = append(c.Rows, r)
		})
	})
	batch.Queue(countEmoji, of, l.Named+1).Query(func(rows pgx.Rows) error {
		var id [16]byte
		var e persist.EmojiCount
		_, err := pgx.ForEachRow(rows, []any{&id, &e.Emoji, &e.Shown, &e.Count, &e.First}, func() error {
			c := found.Counted[id]
			c.Rows, c.Emoji = nil, append(c.Emoji, e)
			return nil
		})
		return err
	})
	batch.Queue(countReplies, of, l.Replies).Query(func(rows pgx.Rows) error {
		var id [16]byte
		var n int
		_, err := pgx.ForEachRow(rows, []any{&id, &n}, func() error {
			found.Counted[id].Replies = n
			return nil
		})
		return err
	})
}

// countUnlisted counts the reactions of messages for which the first round trip has shown
// that it must be.
func countUnlisted(ctx context.Context, conn *pgx.Conn, l *persist.Lookup, found *persist.Found) error {
	unlisted := l.Unlisted(found)
	if len(unlisted) == 0 {
		return nil
	}
	var batch pgx.Batch
	queueCounts(&batch, unlisted, l, found)
	return conn.SendBatch(ctx, &batch).Close()
}

func eachReaction(rows pgx.Rows, f func(persist.Reaction)) error {
	var r persist.Reaction
	_, err := pgx.ForEachRow(rows, []any{(*[16]byte)(&r.Message), (*[16]byte)(&r.User), &r.Emoji, &r.Shown, &r.At}, func() error {
		r.At = r.At.UTC()
		f(r)
		return nil
	})
	return err
}

// reactionColumns are the keys of rows, and what else they have.
func reactionColumns(all []persist.Reaction) (keys []any, shown []string, at []time.Time) {
	messages, users, emoji := make([][16]byte, len(all)), make([][16]byte, len(all)), make([]string, len(all))
	shown, at = make([]string, len(all)), make([]time.Time, len(all))
	for i := range all {
		messages[i], users[i], emoji[i], shown[i], at[i] = all[i].Message, all[i].User, all[i].Emoji, all[i].Shown, all[i].At
	}
	return []any{messages, users, emoji}, shown, at
}

func queueReactions(batch *pgx.Batch, plan *persist.Plan) {
	if len(plan.Reactions) > 0 {
		keys, shown, at := reactionColumns(plan.Reactions)
		batch.Queue(insertReactions, append(keys, shown, at)...)
	}
	if len(plan.Withdrawn) > 0 {
		keys, _, _ := reactionColumns(plan.Withdrawn)
		batch.Queue(withdrawReactions, keys...)
	}
	if len(plan.Due) > 0 {
		batch.Queue(insertDue, dueColumns(plan.Due)...)
	}
	if len(plan.Summarized) > 0 {
		batch.Queue(deleteDue, dueColumns(plan.Summarized)...)
	}
}

func dueColumns(all []room.DueSummary) []any {
	messages, rooms := make([][16]byte, len(all)), make([][16]byte, len(all))
	for i, d := range all {
		messages[i], rooms[i] = d.Message, d.Room
	}
	return []any{messages, rooms}
}

// reactionsStand reports whether all reactions of a plan are there, and those that it takes
// away are not. Where its transaction was committed that is so, unless somebody has changed
// it since. Where it is not so the transaction may be run again: it sets a state.
func reactionsStand(ctx context.Context, conn interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, plan *persist.Plan) (all bool, err error) {
	all = true
	if len(plan.Reactions) > 0 {
		keys, _, _ := reactionColumns(plan.Reactions)
		err = conn.QueryRow(ctx, reactionsInForce, keys...).Scan(&all)
	}
	if all && err == nil && len(plan.Withdrawn) > 0 {
		keys, _, _ := reactionColumns(plan.Withdrawn)
		err = conn.QueryRow(ctx, withdrawnInForce, keys...).Scan(&all)
	}
	return all && err == nil, err
}
