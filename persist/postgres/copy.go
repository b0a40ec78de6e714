package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// copyRowBytes is what a row takes beside its content and client_id, at most.
const copyRowBytes = 256

// copyIn inserts the plan's new messages with COPY, in one round trip, and before
// them its changes, in another. It writes the binary format itself: pgx's CopyFrom
// would ask for the columns' types first, each time.
func copyIn(ctx context.Context, conn *pgx.Conn, plan *persist.Plan) error {
	var batch pgx.Batch
	if queueChanges(&batch, plan); batch.Len() > 0 {
		if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
			return err
		}
	}
	size := 64 // signature and end
	for _, m := range plan.Inserts {
		size += copyRowBytes + m.Bytes() + len(m.ClientID)
	}
	way := insertionOf(plan.Inserts)
	rows := way.appendCopy(make([]byte, 0, size), plan.Inserts)
	_, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(rows), way.insertByCopy)
	return err
}

// appendCopy appends the messages in COPY's binary format (PostgreSQL manual,
// COPY, "Binary Format"): a signature, flags and the length of an extension; rows of
// a number of fields, each with its length, -1 for NULL; -1 in place of a row.
func (way *insertion) appendCopy(b []byte, messages []*protocol.Message) []byte {
	b = append(b, "PGCOPY\n\xff\r\n\x00"...)
	b = binary.BigEndian.AppendUint64(b, 0)
	for _, m := range messages {
		b = binary.BigEndian.AppendUint16(b, uint16(len(way.columns)))
		for i := range way.columns {
			b = way.columns[i].copied(b, m)
		}
	}
	return binary.BigEndian.AppendUint16(b, 0xffff)
}

func appendNull(b []byte) []byte { return binary.BigEndian.AppendUint32(b, 0xffffffff) }

func appendUUID(b []byte, id [16]byte) []byte {
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
