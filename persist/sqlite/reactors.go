package sqlite

import (
	"context"
	"database/sql"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

const (
	selectOwn = `SELECT shown FROM chat_reactions WHERE message_id = ? AND user_id = ? ORDER BY created_at, emoji`

	// selectReactors goes along the primary key.
	selectReactors = `SELECT t.user_id, coalesce(u.email, ''), coalesce(u.username, ''), coalesce(u.first_name, ''), coalesce(u.last_name, ''),
		t.shown, t.emoji, t.created_at
	FROM chat_reactions t LEFT JOIN users u ON u.id = t.user_id
	WHERE t.message_id = ?1 AND (?2 = '' OR t.emoji = ?2) AND (t.user_id, t.emoji) > (?3, ?4)
	ORDER BY t.user_id, t.emoji LIMIT ?5`
)

// OwnReactions implements room.Store.
func (s *Store) OwnReactions(ctx context.Context, questions []room.OwnQuestion) ([]room.OwnReactions, error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return nil, unreachable(err)
	}
	defer done()
	return s.read.ownReactions(ctx, questions)
}

// MyReactions implements room.Store.
func (s *Store) MyReactions(ctx context.Context, q room.OwnQuestion) (room.OwnReactions, error) {
	all, err := s.bulk.ownReactions(ctx, []room.OwnQuestion{q})
	return all[0], err
}

func (r *reading) ownReactions(ctx context.Context, questions []room.OwnQuestion) ([]room.OwnReactions, error) {
	all := make([]room.OwnReactions, len(questions))
	err := r.snapshot(ctx, func(tx *sql.Tx) error {
		for i, q := range questions {
			all[i] = make(room.OwnReactions)
			for _, message := range q.Messages {
				own, err := texts(ctx, tx.StmtContext(ctx, r.own), message.String(), q.User.String())
				if err != nil {
					return err
				}
				if len(own) > 0 {
					all[i][message] = own
				}
			}
		}
		return nil
	})
	return all, err
}

// texts returns what a statement of one column selects.
func texts(ctx context.Context, statement *sql.Stmt, args ...any) (all []string, err error) {
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

// Reactions implements room.Store.
func (s *Store) Reactions(ctx context.Context, message uuid.UUID) ([]protocol.Reaction, error) {
	var c persist.Counted
	err := s.bulk.snapshot(ctx, func(tx *sql.Tx) (err error) {
		if c.Rows, err = reactions(tx.StmtContext(ctx, s.bulk.reactions), message.String(), protocol.ReactionsNamedMax+1); err != nil {
			return err
		}
		if len(c.Rows) > protocol.ReactionsNamedMax {
			c.Rows = nil
			c.Emoji, err = emojiCounts(tx.StmtContext(ctx, s.bulk.emoji), message.String())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return c.List(), nil
}

// Reactors implements room.Store.
func (s *Store) Reactors(ctx context.Context, q room.ReactorsQuery) (p room.ReactorPage, err error) {
	rows, err := s.bulk.reactors.QueryContext(ctx, q.Message.String(), q.Emoji, q.After.User.String(), q.After.Key, q.Limit+1)
	if err != nil {
		return p, unreachable(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r room.Reactor
		u := &r.User
		if err := rows.Scan(&u.ID, &u.Email, &u.Username, &u.FirstName, &u.LastName, &r.Emoji, &r.Key, stamp{&r.At}); err != nil {
			return p, unreachable(err)
		}
		p.Reactors = append(p.Reactors, r)
	}
	if err := rows.Err(); err != nil {
		return p, unreachable(err)
	}
	return persist.CutReactors(p, q.Limit), nil
}
