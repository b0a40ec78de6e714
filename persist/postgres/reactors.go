package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

const (
	selectOwn = `SELECT n.i, t.message_id, t.shown FROM unnest($1::int[], $2::uuid[], $3::uuid[]) AS n(i, message, member)
	JOIN chat_reactions t ON t.message_id = n.message AND t.user_id = n.member ORDER BY t.created_at, t.emoji`

	// selectReactors goes along the primary key.
	selectReactors = `SELECT t.user_id, coalesce(u.email::text, ''), coalesce(u.username::text, ''), coalesce(u.first_name::text, ''), coalesce(u.last_name::text, ''),
		t.shown, t.emoji, t.created_at
	FROM chat_reactions t LEFT JOIN users u ON u.id = t.user_id
	WHERE t.message_id = $1 AND ($2 = '' OR t.emoji = $2) AND (t.user_id, t.emoji) > ($3::uuid, $4::text)
	ORDER BY t.user_id, t.emoji LIMIT $5`
)

// OwnReactions implements room.Store.
func (s *Store) OwnReactions(ctx context.Context, questions []room.OwnQuestion) ([]room.OwnReactions, error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return nil, fault("own reactions", err)
	}
	defer done()
	return s.ownReactions(ctx, s.readers, questions)
}

// MyReactions implements room.Store.
func (s *Store) MyReactions(ctx context.Context, q room.OwnQuestion) (room.OwnReactions, error) {
	all, err := s.ownReactions(ctx, s.bulk, []room.OwnQuestion{q})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

func (s *Store) ownReactions(ctx context.Context, from *pgxpool.Pool, questions []room.OwnQuestion) (all []room.OwnReactions, err error) {
	var numbers []int32
	var messages, users [][16]byte
	for i, q := range questions {
		for _, message := range q.Messages {
			numbers, messages, users = append(numbers, int32(i)), append(messages, message), append(users, q.User)
		}
	}
	err = s.again(ctx, from, func() error {
		all = make([]room.OwnReactions, len(questions))
		rows, err := from.Query(ctx, selectOwn, numbers, messages, users)
		if err != nil {
			return err
		}
		var i int
		var message uuid.UUID
		var shown string
		_, err = pgx.ForEachRow(rows, []any{&i, (*[16]byte)(&message), &shown}, func() error {
			if all[i] == nil {
				all[i] = make(room.OwnReactions)
			}
			all[i][message] = append(all[i][message], shown)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fault("own reactions", err)
	}
	return all, nil
}

// Reactions implements room.Store.
func (s *Store) Reactions(ctx context.Context, message uuid.UUID) ([]protocol.Reaction, error) {
	l, of := &persist.Lookup{Named: protocol.ReactionsNamedMax}, []uuid.UUID{message}
	var found *persist.Found
	err := s.again(ctx, s.bulk, func() error {
		found = persist.NewFound(l)
		var batch pgx.Batch
		queueCounts(&batch, of, l, found)
		return s.bulk.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return nil, fault("reactions", err)
	}
	return found.Counted[message].List(), nil
}

// Reactors implements room.Store.
func (s *Store) Reactors(ctx context.Context, q room.ReactorsQuery) (p room.ReactorPage, err error) {
	err = s.again(ctx, s.bulk, func() error {
		p = room.ReactorPage{}
		rows, err := s.bulk.Query(ctx, selectReactors, [16]byte(q.Message), q.Emoji, [16]byte(q.After.User), q.After.Key, q.Limit+1)
		if err != nil {
			return err
		}
		var r room.Reactor
		u := &r.User
		_, err = pgx.ForEachRow(rows, []any{(*[16]byte)(&u.ID), &u.Email, &u.Username, &u.FirstName, &u.LastName, &r.Emoji, &r.Key, &r.At}, func() error {
			r.At = r.At.UTC()
			p.Reactors = append(p.Reactors, r)
			return nil
		})
		return err
	})
	if err != nil {
		return room.ReactorPage{}, fault("reactors", err)
	}
	return persist.CutReactors(p, q.Limit), nil
}
