package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/protocol"
)

const copyMessages = `COPY chat_messages
	(id, chat_room_id, sender_id, content, message_type, reply_to_id, is_edited, created_at, updated_at, seq, rev, client_id)
	FROM STDIN BINARY`

// copyRowBytes is what a row takes beside its content and client_id, at most: twelve lengths,
// four ids, four numbers and times, a type and a flag.
const copyRowBytes = 2 + 12*4 + 4*16 + 4*8 + 16 + 1

// copyIn inserts messages with COPY, in one round trip. It writes the binary
// format itself: pgx's CopyFrom would ask for the columns' types first, each time.
func copyIn(ctx context.Context, conn *pgx.Conn, messages []*protocol.Message) error {
	size := 64 // signature and end
	for _, m := range messages {
		size += copyRowBytes + len(m.Content) + len(m.ClientID)
	}
	rows := appendCopy(make([]byte, 0, size), messages)
	_, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(rows), copyMessages)
	return err
}

// appendCopy appends the messages in COPY's binary format (PostgreSQL manual,
// COPY, "Binary Format"): a signature, flags and the length of an extension; rows of
// a number of fields, each with its length, -1 for NULL; -1 in place of a row.
func appendCopy(b []byte, messages []*protocol.Message) []byte {
	const columns = 12
	b = append(b, "PGCOPY\n\xff\r\n\x00"...)
	b = binary.BigEndian.AppendUint64(b, 0)
	for _, m := range messages {
		b = binary.BigEndian.AppendUint16(b, columns)
		b = appendUUID(b, m.ID)
		b = appendUUID(b, m.RoomID)
		b = appendUUID(b, m.Sender.ID)
		b = appendText(b, m.Content)
		b = appendText(b, string(m.Type))
		if m.ReplyTo == nil {
			b = appendNull(b)
		} else {
			b = appendUUID(b, m.ReplyTo.ID)
		}
		b = appendBool(b, m.IsEdited)
		b = appendTime(b, m.CreatedAt)
		b = appendTime(b, m.UpdatedAt)
		b = appendInt(b, m.Seq)
		b = appendInt(b, m.Rev)
		if m.ClientID == "" {
			b = appendNull(b)
		} else {
			b = appendText(b, m.ClientID)
		}
	}
	return binary.BigEndian.AppendUint16(b, 0xffff)
}

func appendNull(b []byte) []byte { return binary.BigEndian.AppendUint32(b, 0xffffffff) }

func appendUUID(b []byte, id uuid.UUID) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(id))), id[:]...)
}

func appendText(b []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
}

func appendBool(b []byte, v bool) []byte {
	b = binary.BigEndian.AppendUint32(b, 1)
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendInt(b []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(v))
}

// epoch is PostgreSQL's zero of time; a timestamptz is microseconds since.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func appendTime(b []byte, t time.Time) []byte { return appendInt(b, t.UnixMicro()-epoch) }
