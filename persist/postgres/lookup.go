package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// The statements of Append's first round trip. Each sees what was committed
// before it began: those after the lock see all that was ever done in its rooms.
const (
	begin = `BEGIN ISOLATION LEVEL READ COMMITTED`

	// lockRooms locks in the order of ids, so that two batches never wait for each
	// other in a circle.
	lockRooms = `SELECT id, trip_id, last_seq, first_seq, pg_current_xact_id() FROM chat_rooms WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`

	// findRooms is for marks only. A number that grows meanwhile is none that they could mean.
	findRooms = `SELECT id, trip_id, last_seq, first_seq, pg_current_xact_id() FROM chat_rooms WHERE id = ANY($1)`

	// findStrangers and isNone stand around one of membership's, and select those who have no row there.
	findStrangers = `SELECT s.n FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS s(trip, sender, n) LEFT JOIN `
	isNone        = ` m ON true WHERE m.is IS NULL`
)

var (
	findOriginals = `SELECT m.id, coalesce(m.chat_room_id, '00000000-0000-0000-0000-000000000000'), ` + quoted("m") + `, coalesce(u.email::text, ''), m.deleted_at IS NOT NULL, coalesce(m.seq, 0)
	FROM chat_messages m LEFT JOIN users u ON u.id = m.sender_id WHERE m.id = ANY($1)`

	findKnown = `SELECT ` + messageColumns + `
	FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(room, sender, client)
	JOIN chat_messages m ON m.chat_room_id = k.room AND m.sender_id = k.sender AND m.client_id = k.client` + messageJoins

	findMessages = `SELECT ` + messageColumns + ` FROM chat_messages m` + messageJoins + ` WHERE m.id = ANY($1)`
)

// lookUp opens a transaction, locks the rooms unless there are marks only, and finds what the batch needs to
// know, in one round trip. It returns the transaction's number with what it found:
// zero where no room exists, and so nothing will be written.
func (s *Store) lookUp(ctx context.Context, conn *pgx.Conn, l *persist.Lookup) (found *persist.Found, xact uint64, err error) {
	found = persist.NewFound(l)
	var batch pgx.Batch
	batch.Queue(begin)
	find := lockRooms
	if l.MarksOnly {
		find = findRooms
	}
	batch.Queue(find, ids(l.Rooms)).Query(func(rows pgx.Rows) error {
		var id, trip [16]byte
		var seq, first int64
		_, err := pgx.ForEachRow(rows, []any{&id, &trip, &seq, &first, &xact}, func() error {
			found.Rooms[id] = persist.Room{Seq: seq, FirstSeq: first, Trip: trip}
			return nil
		})
		return err
	})
	trips, users := splitSenders(l.Senders)
	batch.Queue(s.who.find, trips, users).Query(func(rows pgx.Rows) error {
		for _, sender := range l.Senders {
			found.Senders[sender] = struct{}{}
		}
		var n int64
		_, err := pgx.ForEachRow(rows, []any{&n}, func() error {
			delete(found.Senders, l.Senders[n-1])
			return nil
		})
		return err
	})
	unique := true
	if l.KeysAreNew {
		batch.Queue(keysAreUnique).QueryRow(func(row pgx.Row) error { return row.Scan(&unique) })
	} else if len(l.Keys) > 0 {
		rooms, senders, clients := splitKeys(l.Keys)
		batch.Queue(findKnown, rooms, senders, clients).Query(func(rows pgx.Rows) error {
			return eachMessage(s.odd, rows, func(m *protocol.Message) {
				found.Known[persist.ClientKey{Room: m.RoomID, Sender: m.Sender.ID, ClientID: m.ClientID}] = m
			})
		})
	}
	if len(l.Messages) > 0 {
		batch.Queue(findMessages, ids(l.Messages)).Query(func(rows pgx.Rows) error {
			return eachMessage(s.odd, rows, func(m *protocol.Message) { found.Messages[m.ID] = m })
		})
	}
	if len(l.Originals) > 0 {
		batch.Queue(findOriginals, ids(l.Originals)).Query(func(rows pgx.Rows) error {
			var id, in [16]byte
			var r protocol.Reply
			var seq int64
			_, err := pgx.ForEachRow(rows, []any{&id, &in, &r.Content, &r.SenderEmail, &r.Deleted, &seq}, func() error {
				r.ID = id
				found.Originals[id] = persist.Original{Room: in, Seq: seq, Reply: *persist.NewReply(r)}
				return nil
			})
			return err
		})
	}
	queuePins(&batch, l, found)
	queueAttachments(&batch, l, found)
	queueReactors(&batch, l, found)
	queueCounts(&batch, l.Counted, l, found)
	queueQuotas(&batch, l, found)
	if err = conn.SendBatch(ctx, &batch).Close(); err == nil && !unique {
		s.keys.Found() // so it will be the next time
		err = persist.ErrMayBeKnown
	}
	if err == nil {
		err = countUncounted(ctx, conn, l, found)
	}
	if err == nil {
		err = countUnlisted(ctx, conn, l, found)
	}
	return found, xact, err
}

// ids is the form in which pgx encodes many uuids without reflection.
func ids(from []uuid.UUID) [][16]byte {
	to := make([][16]byte, len(from))
	for i, id := range from {
		to[i] = id
	}
	return to
}

func splitSenders(all []persist.Sender) (trips, users [][16]byte) {
	trips, users = make([][16]byte, len(all)), make([][16]byte, len(all))
	for i, s := range all {
		trips[i], users[i] = s.Trip, s.User
	}
	return trips, users
}

func splitKeys(keys []persist.ClientKey) (rooms, senders [][16]byte, clients []string) {
	rooms = make([][16]byte, len(keys))
	senders = make([][16]byte, len(keys))
	clients = make([]string, len(keys))
	for i, k := range keys {
		rooms[i], senders[i], clients[i] = k.Room, k.Sender, k.ClientID
	}
	return rooms, senders, clients
}
