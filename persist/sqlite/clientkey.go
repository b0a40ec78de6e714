package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// A message is found again by its client_id through a number of 8 bytes (ADR 25): an index of room,
// sender and client_id has 120 bytes an entry, and one message of a batch seldom shares a
// page of it with another. Two client_ids may have one number, so the columns decide.

// clientNumber returns what column client_key has for a client_id. What is likely to be stored
// together stands together: the upper half is the time in a UUID of version 7, in units of 1.024 s,
// and for others the same for all client_ids of one sender in one room. The lower half is a hash.
func clientNumber(k persist.ClientKey) int64 {
	text := append(make([]byte, 0, 2*len(uuid.UUID{})+4*protocol.ClientIDRunesMax), k.Room[:]...)
	text = append(append(text, k.Sender[:]...), k.ClientID...)
	sum := sha256.Sum256(text)
	upper := tail(k.Room) ^ tail(k.Sender)
	if at, ok := timeOf(k.ClientID); ok {
		upper = uint32(at >> 10)
	}
	return int64(upper)<<32 | int64(binary.BigEndian.Uint32(sum[:]))
}

// tail is of random bits, also where an id begins with a time.
func tail(id uuid.UUID) uint32 { return binary.BigEndian.Uint32(id[12:]) }

// timeOf returns the milliseconds since the epoch that a UUID of version 7 begins with.
func timeOf(clientID string) (milliseconds uint64, ok bool) {
	const canonical = len("0199b3c5-7d0e-7c1a-8f43-3f4c9c1d2e5a")
	if len(clientID) != canonical || clientID[14] != '7' {
		return 0, false
	}
	id, err := uuid.Parse(clientID)
	if err != nil {
		return 0, false
	}
	return binary.BigEndian.Uint64(id[:]) >> 16, true
}

// clientKeyColumn has the number of the message's client_id, where it has one.
var clientKeyColumn = column{
	name: "client_key", null: true,
	value: func(w *written, m *protocol.Message) any {
		if m.ClientID == "" {
			return nil
		}
		return w.number(persist.ClientKey{Room: m.RoomID, Sender: m.Sender.ID, ClientID: m.ClientID})
	},
}

const (
	// selectUsed returns those of many numbers that some message has.
	selectUsed = `SELECT k.column1 FROM (VALUES (?)) k CROSS JOIN chat_messages m ON m.client_key = k.column1`

	// withNumber finds a message by its client_id. The room's index is of no use.
	withNumber = ` WHERE m.client_key = ? AND +m.chat_room_id = ? AND +m.sender_id = ? AND +m.client_id = ?`

	// Messages from before version 20 have no numbers.
	selectUnnumbered = `SELECT EXISTS (SELECT 1 FROM chat_messages WHERE client_id IS NOT NULL AND client_key IS NULL)`
	usedUnnumbered   = `SELECT k.column1 FROM (VALUES (?)) k CROSS JOIN chat_messages m
		ON m.chat_room_id = k.column2 AND m.sender_id = k.column3 AND m.client_id = k.column4 AND m.client_key IS NULL`
	withoutNumber = ` WHERE m.client_key IS NULL AND m.chat_room_id = ? AND m.sender_id = ? AND m.client_id = ?`
)

// checkNumbered finds out whether there are messages with a client_id that has no number. Nobody
// stores some more.
func (s *Store) checkNumbered(ctx context.Context) error {
	return s.writer.QueryRowContext(ctx, selectUnnumbered).Scan(&s.unnumbered)
}

// findKnown reads the messages that have one of the keys, which hardly any has.
func (s *Store) findKnown(tx *sql.Tx, w *written, keys []persist.ClientKey, found *persist.Found) error {
	numbers := w.numbersOf(keys)
	used := make(map[int64]bool)
	values := func(dst []any, row int) []any { return append(dst, numbers[row]) }
	err := s.write.used.query(tx, len(numbers), values, func(rows *sql.Rows) error {
		var number int64
		err := rows.Scan(&number)
		used[number] = true
		return err
	})
	if err != nil {
		return err
	}
	known := tx.Stmt(s.write.known)
	for i, key := range keys {
		if !used[numbers[i]] {
			continue
		}
		if err := s.addKnown(found, key, known.QueryRow(numbers[i], w.id(key.Room), w.id(key.Sender), key.ClientID)); err != nil {
			return err
		}
	}
	if !s.unnumbered {
		return nil
	}
	return s.findUnnumbered(tx, w, keys, found)
}

// findUnnumbered reads those that have one of the keys and no number.
func (s *Store) findUnnumbered(tx *sql.Tx, w *written, keys []persist.ClientKey, found *persist.Found) error {
	var used []persist.ClientKey
	values := func(dst []any, row int) []any {
		k := &keys[row]
		return append(dst, row, w.id(k.Room), w.id(k.Sender), k.ClientID)
	}
	err := s.write.usedUnnumbered.query(tx, len(keys), values, func(rows *sql.Rows) error {
		var row int
		err := rows.Scan(&row)
		if err == nil {
			used = append(used, keys[row])
		}
		return err
	})
	if err != nil {
		return err
	}
	known := tx.Stmt(s.write.knownUnnumbered)
	for _, key := range used {
		if err := s.addKnown(found, key, known.QueryRow(w.id(key.Room), w.id(key.Sender), key.ClientID)); err != nil {
			return err
		}
	}
	return nil
}

// addKnown adds the message of a row, if there is one.
func (s *Store) addKnown(found *persist.Found, key persist.ClientKey, row *sql.Row) error {
	m, err := s.oneMessage(row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		found.Known[key] = m
	}
	return err
}
