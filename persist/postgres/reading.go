package postgres

import (
	"context"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// readingOf makes what selects how the user $1 stands in a room r: the mark, how many of the
// messages after it are others', how many were looked at at most, whether there are more, and how
// many mentions there are. Of LOOKED messages after the mark it looks at as many as it needs to find
// UNREAD of others. Whether there are more counts only where there are none. Of as many mentions of
// the user, and of everybody, it looks up as many messages as it needs to find MENTIONS: a message may be among
// both.
func readingOf(looked string) (columns, joins string) {
	limits := strings.NewReplacer("LOOKED", looked, "UNREAD", strconv.Itoa(protocol.UnreadMax), "MENTIONS", strconv.Itoa(protocol.MentionsCountedMax))
	return limits.Replace(`s.seq, n.others, least(r.last_seq - s.seq, LOOKED + 1),
		CASE WHEN n.others = 0 AND r.last_seq - s.seq > LOOKED
			THEN EXISTS (SELECT FROM chat_messages WHERE chat_room_id = r.id AND seq > s.seq ORDER BY seq OFFSET LOOKED LIMIT 1) ELSE false END, k.mentions`),
		limits.Replace(`
	CROSS JOIN LATERAL (SELECT least(coalesce((SELECT t.read_seq FROM chat_reads t WHERE t.chat_room_id = r.id AND t.user_id = $1), 0), r.last_seq) AS seq) s
	CROSS JOIN LATERAL (SELECT count(*) AS others FROM (SELECT FROM
		(SELECT sender_id, deleted_at FROM chat_messages WHERE chat_room_id = r.id AND seq > s.seq ORDER BY seq LIMIT LOOKED) l
		WHERE sender_id IS DISTINCT FROM $1 AND deleted_at IS NULL LIMIT UNREAD) m) n
	CROSS JOIN LATERAL (SELECT count(DISTINCT f.seq) AS mentions FROM (SELECT m.seq FROM (
			(SELECT t.seq FROM chat_mentions t WHERE t.user_id = $1 AND t.chat_room_id = r.id AND t.seq > s.seq ORDER BY t.seq LIMIT LOOKED)
			UNION ALL
			(SELECT t.seq FROM chat_mentions t WHERE t.user_id = '00000000-0000-0000-0000-000000000000' AND t.chat_room_id = r.id AND t.seq > s.seq ORDER BY t.seq LIMIT LOOKED)) x
		JOIN chat_messages m ON m.chat_room_id = r.id AND m.seq = x.seq
		WHERE m.deleted_at IS NULL AND m.sender_id IS DISTINCT FROM $1 LIMIT 2 * MENTIONS) f) k`)
}

var selectReading = func() string {
	columns, joins := readingOf("$3::bigint")
	return "SELECT " + columns + " FROM chat_rooms r" + joins + " WHERE r.id = $2"
}()

// readingScan reads the columns of readingOf.
type readingScan struct {
	seq                      int64
	others, looked, mentions int
	more                     bool
}

func (s *readingScan) targets() []any {
	return []any{&s.seq, &s.others, &s.looked, &s.more, &s.mentions}
}

func (s *readingScan) reading() room.Reading {
	return room.Reading{
		Seq: s.seq, Unread: persist.Unread(s.others, s.more),
		Mentions: min(s.mentions, protocol.MentionsCountedMax), Looked: s.looked,
	}
}

// Reading implements room.Store.
func (s *Store) Reading(ctx context.Context, in, user uuid.UUID) (r room.Reading, err error) {
	err = s.again(ctx, s.bulk, func() error {
		r, err = readReading(ctx, s.bulk, in, user)
		return err
	})
	if err != nil {
		return room.Reading{}, fault("reading", err)
	}
	return r, nil
}

// readReading is zero where there is no such room.
func readReading(ctx context.Context, from interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, in, user uuid.UUID) (room.Reading, error) {
	rows, err := from.Query(ctx, selectReading, [16]byte(user), [16]byte(in), int64(protocol.UnreadLookedMax))
	if err != nil {
		return room.Reading{}, err
	}
	var scan readingScan
	_, err = pgx.ForEachRow(rows, scan.targets(), func() error { return nil })
	return scan.reading(), err
}
