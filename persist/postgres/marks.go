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
	// raise stores those that are greater than what is there, and returns them. They are locked in
	// the order of ids, so that two batches, which need not lock their rooms, never wait for each
	// other in a circle.
	raise   string
	inForce string // tells whether all that were given, or greater ones, are there
	equal   string // returns those that are there, and not greater ones
}

// marks has the statements of all columns.
var marks = func() map[persist.MarkColumn]markStatements {
	all := make(map[persist.MarkColumn]markStatements, len(persist.MarkColumns))
	for _, c := range persist.MarkColumns {
		all[c] = markStatements{
			raise: fmt.Sprintf(`INSERT INTO %[1]s AS t (chat_room_id, user_id, %[2]s, updated_at)
	SELECT room, member, value, at FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[]) AS n(room, member, value, at) ORDER BY room, member
	ON CONFLICT (chat_room_id, user_id) DO UPDATE SET %[2]s = excluded.%[2]s, updated_at = excluded.updated_at WHERE t.%[2]s < excluded.%[2]s
	RETURNING chat_room_id, user_id`,
				c.Table, c.Column),
			inForce: fmt.Sprintf(`SELECT NOT EXISTS (SELECT FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS n(room, member, value)
	LEFT JOIN %[1]s t ON t.chat_room_id = n.room AND t.user_id = n.member WHERE t.%[2]s IS NULL OR t.%[2]s < n.value)`,
				c.Table, c.Column),
			equal: fmt.Sprintf(`SELECT t.chat_room_id, t.user_id FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS n(room, member, value)
	JOIN %[1]s t ON t.chat_room_id = n.room AND t.user_id = n.member AND t.%[2]s = n.value`,
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

// queueMarks stores the plan's marks, and notes which of them grew.
func queueMarks(batch *pgx.Batch, plan *persist.Plan) {
	eachColumn(plan, func(c persist.MarkColumn, args []any) {
		batch.Queue(marks[c].raise, args...).Query(func(rows pgx.Rows) error { return noteRaised(rows, plan, c) })
	})
}

// findRaised notes which of the plan's marks are told: those that are stored as they are. Where
// the answer of queueMarks is lost, nobody knows which of them grew. But a greater one must not
// be followed by a smaller one.
func findRaised(ctx context.Context, conn interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, plan *persist.Plan) (err error) {
	eachColumn(plan, func(c persist.MarkColumn, args []any) {
		if err != nil {
			return
		}
		var rows pgx.Rows
		if rows, err = conn.Query(ctx, marks[c].equal, args[:3]...); err == nil {
			err = noteRaised(rows, plan, c)
		}
	})
	return err
}

// noteRaised reads whose marks of a column grew. All others did not.
func noteRaised(rows pgx.Rows, plan *persist.Plan, c persist.MarkColumn) error {
	raised := make(map[[2][16]byte]struct{})
	var of [2][16]byte
	_, err := pgx.ForEachRow(rows, []any{&of[0], &of[1]}, func() error {
		raised[of] = struct{}{}
		return nil
	})
	for i := range plan.Marks {
		if m := &plan.Marks[i]; m.Column == c {
			_, grew := raised[[2][16]byte{m.Room, m.User}]
			m.Kept = !grew
		}
	}
	return err
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
