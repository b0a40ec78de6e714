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
	lockRooms = `SELECT id, last_seq, pg_current_xact_id() FROM chat_rooms WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`

	findSenders = `SELECT id FROM users WHERE id = ANY($1)`

	findOriginals = `SELECT m.id, coalesce(m.chat_room_id, '00000000-0000-0000-0000-000000000000'), coalesce(left(m.content::text, 100), ''), coalesce(u.email::text, '')
	FROM chat_messages m LEFT JOIN users u ON u.id = m.sender_id WHERE m.id = ANY($1)`
)

var (
	findKnown = `SELECT ` + messageColumns + `
	FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(room, sender, client)
	JOIN chat_messages m ON m.chat_room_id = k.room AND m.sender_id = k.sender AND m.client_id = k.client` + messageJoins

	findMessages = `SELECT ` + messageColumns + ` FROM chat_messages m` + messageJoins + ` WHERE m.id = ANY($1)`
)

// lookUp opens a transaction, locks the rooms and finds what the batch needs to
// know, in one round trip. It returns the transaction's number with what it found:
// zero where no room exists, and so nothing will be written.
func lookUp(ctx context.Context, conn *pgx.Conn, l *persist.Lookup) (found *persist.Found, xact uint64, err error) {
	found = persist.NewFound(l)
	var batch pgx.Batch
	batch.Queue(begin)
	batch.Queue(lockRooms, ids(l.Rooms)).Query(func(rows pgx.Rows) error {
		var id [16]byte
		var seq int64
		_, err := pgx.ForEachRow(rows, []any{&id, &seq, &xact}, func() error {
			found.Rooms[id] = seq
			return nil
		})
		return err
	})
	if len(l.Senders) > 0 {
		batch.Queue(findSenders, ids(l.Senders)).Query(func(rows pgx.Rows) error {
			var id [16]byte
			_, err := pgx.ForEachRow(rows, []any{&id}, func() error {
				found.Senders[id] = struct{}{}
				return nil
			})
			return err
		})
	}
	if len(l.Keys) > 0 {
		rooms, senders, clients := splitKeys(l.Keys)
		batch.Queue(findKnown, rooms, senders, clients).Query(func(rows pgx.Rows) error {
			return eachMessage(rows, func(m *protocol.Message) {
				found.Known[persist.ClientKey{Room: m.RoomID, Sender: m.Sender.ID, ClientID: m.ClientID}] = m
			})
		})
	}
	if len(l.Messages) > 0 {
		batch.Queue(findMessages, ids(l.Messages)).Query(func(rows pgx.Rows) error {
			return eachMessage(rows, func(m *protocol.Message) { found.Messages[m.ID] = m })
		})
	}
	if len(l.Originals) > 0 {
		batch.Queue(findOriginals, ids(l.Originals)).Query(func(rows pgx.Rows) error {
			var id, in [16]byte
			var content, email string
			_, err := pgx.ForEachRow(rows, []any{&id, &in, &content, &email}, func() error {
				found.Originals[id] = persist.Original{
					Room:  in,
					Reply: protocol.Reply{ID: id, Content: content, SenderEmail: email},
				}
				return nil
			})
			return err
		})
	}
	err = conn.SendBatch(ctx, &batch).Close()
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

func splitKeys(keys []persist.ClientKey) (rooms, senders [][16]byte, clients []string) {
	rooms = make([][16]byte, len(keys))
	senders = make([][16]byte, len(keys))
	clients = make([]string, len(keys))
	for i, k := range keys {
		rooms[i], senders[i], clients[i] = k.Room, k.Sender, k.ClientID
	}
	return rooms, senders, clients
}
