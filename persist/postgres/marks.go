package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
)

// markStatements are what is done with marks of one column.
type markStatements struct {
	raise   string // stores those that are greater than what is there
	inForce string // tells whether all that were given, or greater ones, are there
}

// marks has the statements of all columns.
var marks = func() map[persist.MarkColumn]markStatements {
	all := make(map[persist.MarkColumn]markStatements, len(persist.MarkColumns))
	for _, c := range persist.MarkColumns {
		all[c] = markStatements{
			raise: fmt.Sprintf(`INSERT INTO %[1]s AS t (chat_room_id, user_id, %[2]s, updated_at)
	SELECT room, member, value, at FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[]) AS n(room, member, value, at)
	ON CONFLICT (chat_room_id, user_id) DO UPDATE SET %[2]s = excluded.%[2]s, updated_at = excluded.updated_at WHERE t.%[2]s < excluded.%[2]s`,
				c.Table, c.Column),
			inForce: fmt.Sprintf(`SELECT NOT EXISTS (SELECT FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS n(room, member, value)
	LEFT JOIN %[1]s t ON t.chat_room_id = n.room AND t.user_id = n.member WHERE t.%[2]s IS NULL OR t.%[2]s < n.value)`,
				c.Table, c.Column),
		}
	}
	return all
}()

// eachColumn calls f with the arguments of the plan's marks, for each column that has some.
func eachColumn(plan *persist.Plan, f func(c persist.MarkColumn, args []any)) {
	if len(plan.Marks) == 0 {
		return
	}
	for _, c := range persist.MarkColumns {
		var rooms, users [][16]byte
		var values []int64
		var times []time.Time
		for i := range plan.Marks {
			if m := &plan.Marks[i]; m.Column == c {
				rooms, users = append(rooms, m.Room), append(users, m.User)
				values, times = append(values, m.Value), append(times, m.At)
			}
		}
		if len(rooms) > 0 {
			f(c, []any{rooms, users, values, times})
		}
	}
}

// queueMarks returns the columns of the statements that it queues, by their places in the batch;
// nil: it queues none.
func queueMarks(batch *pgx.Batch, plan *persist.Plan) (raising map[int]persist.MarkColumn) {
	eachColumn(plan, func(c persist.MarkColumn, args []any) {
		if raising == nil {
			raising = make(map[int]persist.MarkColumn, len(persist.MarkColumns))
		}
		raising[batch.Len()] = c
		batch.Queue(marks[c].raise, args...)
	})
	return raising
}

// marksInForce reports whether all marks of a plan are stored, or greater ones. Where its
// transaction was committed they are. Where it was not, and yet all are there, somebody
// else has stored as much.
func marksInForce(ctx context.Context, conn interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, plan *persist.Plan) (all bool, err error) {
	all = true
	eachColumn(plan, func(c persist.MarkColumn, args []any) {
		if all && err == nil {
			err = conn.QueryRow(ctx, marks[c].inForce, args[:3]...).Scan(&all)
		}
	})
	return all && err == nil, err
}
