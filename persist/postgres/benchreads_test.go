package postgres

import (
	"flag"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// BenchmarkMarks tells what it costs that so many members of one room have read further, in one
// commit: the first time, when rows are made, is not counted.
func BenchmarkMarks(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			f := newFleet(b, Config{URL: pgserver.Shared(b).Database(b), Writers: 1}, 1)
			seeds := persist.Fleet(n, 1)
			if err := f.Seed(b.Context(), seeds); err != nil {
				b.Fatal(err)
			}
			a, err := f.Access(b.Context(), []room.AccessQuestion{{User: seeds.Users[0].ID, Place: seeds.Trips[0].ID}})
			if err != nil {
				b.Fatal(err)
			}
			f.exec("UPDATE chat_rooms SET last_seq = 1000000000 WHERE id = $1", [16]byte(a[0].Room.ID))
			seq := int64(0)
			flush := func() {
				seq++
				batch := make([]*room.Op, n)
				for i := range batch {
					batch[i] = &room.Op{
						Intent: protocol.Intent{Kind: protocol.KindRead, UpTo: seq}, Room: a[0].Room.ID, Trip: a[0].Room.TripID,
						Sender: protocol.User{ID: seeds.Users[i].ID}, At: time.Now().UTC().Truncate(time.Microsecond),
					}
				}
				f.mustAppend(batch...)
			}
			flush()
			conn, err := f.writers.Acquire(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			pgconn := conn.Conn()
			conn.Release() // there is one writer
			before, own := backendCPU(b, pgconn), ownCPU(b)
			for b.Loop() {
				flush()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "µs/commit")
			b.ReportMetric(float64((backendCPU(b, pgconn)-before).Microseconds())/float64(b.N), "server-µs/commit")
			b.ReportMetric(float64((ownCPU(b)-own).Microseconds())/float64(b.N), "client-µs/commit")
		})
	}
}

var listed = flag.Int("messages", 1_000_000, "how many messages BenchmarkRooms lists rooms among")

// BenchmarkRooms lists 30 rooms of a user with what is unread in each, among a thousand messages
// in each of a thousand rooms, or of more with -messages: as after a day away, and for somebody who
// has never read anything. Rooms take turns, so that no two messages of one stand side by side.
func BenchmarkRooms(b *testing.B) {
	const rooms, each = 30, 1_000
	f := newFleet(b, Config{URL: pgserver.Shared(b).Database(b), Writers: 1}, rooms)
	f.fillRooms(*listed/each, each)
	for _, c := range []struct {
		name string
		read int
	}{{"40 unread", each - 40}, {"all unread", 0}} {
		b.Run(c.name, func(b *testing.B) {
			f.exec(`INSERT INTO chat_reads (chat_room_id, user_id, read_seq, updated_at) SELECT id, $1, $2::int, now() FROM chat_rooms
				ON CONFLICT (chat_room_id, user_id) DO UPDATE SET read_seq = excluded.read_seq`, [16]byte(f.user.ID), c.read)
			conn, err := f.bulk.Acquire(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			pgconn := conn.Conn()
			conn.Release()
			list := func() {
				page, err := f.Rooms(b.Context(), f.user.ID, uuid.Nil, room.Limit{Messages: rooms})
				if err != nil || len(page.Rooms) != rooms || page.Rooms[0].Reading.Unread == 0 || page.Rooms[0].Reading.Mentions == 0 {
					b.Fatal(len(page.Rooms), page.Rooms[0].Reading, err)
				}
			}
			list()
			before := backendCPU(b, pgconn)
			for b.Loop() {
				list()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "µs/list")
			b.ReportMetric(float64((backendCPU(b, pgconn)-before).Microseconds())/float64(b.N), "server-µs/list")
		})
	}
}

// fillRooms makes so many rooms of the fleet's, with so many messages each of somebody else, every
// tenth of which mentions the fleet's user. The indexes are made afterwards, which takes a fraction of the time.
func (f *fleet) fillRooms(rooms, each int) {
	other := uuid.New()
	f.exec(`INSERT INTO users (id, email, username, first_name, last_name) VALUES ($1, 'o@example.com', 'o', 'O', 'O')`, [16]byte(other))
	f.exec(`INSERT INTO trips (id, title) SELECT gen_random_uuid(), 'T' FROM generate_series(1, $1::int)`, rooms-len(f.rooms))
	f.exec(`INSERT INTO chat_rooms (id, trip_id, created_at) SELECT gen_random_uuid(), t.id, now() FROM trips t WHERE NOT EXISTS (SELECT FROM chat_rooms r WHERE r.trip_id = t.id)`)
	found, err := f.session().Query(f.t.Context(), `SELECT indexname::text, indexdef FROM pg_indexes WHERE tablename = 'chat_messages' AND indexname <> 'chat_messages_pkey'`)
	if err != nil {
		f.t.Fatal(err)
	}
	again := []string{"ALTER TABLE chat_messages ADD PRIMARY KEY (id)"}
	var name, made string
	if _, err := pgx.ForEachRow(found, []any{&name, &made}, func() error {
		f.exec("DROP INDEX " + name)
		again = append(again, made)
		return nil
	}); err != nil {
		f.t.Fatal(err)
	}
	f.exec("ALTER TABLE chat_messages DROP CONSTRAINT chat_messages_pkey")
	conn := f.session()
	for seq := range each {
		mustExec(f.t, conn, `INSERT INTO chat_messages (id, chat_room_id, sender_id, content, message_type, is_edited, created_at, updated_at, seq, rev)
			SELECT gen_random_uuid(), id, $1, repeat('x', 100), 'text', false, now(), now(), $2::int, $2::int FROM chat_rooms`, [16]byte(other), seq+1)
	}
	f.exec(`UPDATE chat_rooms SET last_seq = $1::int`, each)
	f.exec(`INSERT INTO chat_mentions (user_id, chat_room_id, seq) SELECT $1, id, n FROM chat_rooms, generate_series(10, $2::int, 10) n`, [16]byte(f.user.ID), each)
	for _, sql := range again {
		f.exec(sql)
	}
	f.exec("VACUUM ANALYZE")
}
