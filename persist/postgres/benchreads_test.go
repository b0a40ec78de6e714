package postgres

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

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

// BenchmarkRooms lists 30 rooms of a user with what is unread in each, among a million messages
// in a thousand rooms: as after a day away, and for somebody who has never read anything.
func BenchmarkRooms(b *testing.B) {
	const rooms, messages = 30, 1_000_000
	f := newFleet(b, Config{URL: pgserver.Shared(b).Database(b), Writers: 1}, 1000)
	others := make([][16]byte, 0, len(f.trips))
	for _, trip := range f.trips[rooms:] {
		others = append(others, trip)
	}
	f.exec(`DELETE FROM collaborators WHERE trip_id = ANY ($1)`, others)
	other := uuid.New()
	f.exec(`INSERT INTO users (id, email, username, first_name, last_name) VALUES ($1, 'o@example.com', 'o', 'O', 'O')`, [16]byte(other))
	f.exec(`INSERT INTO chat_messages (id, chat_room_id, sender_id, content, message_type, is_edited, created_at, updated_at, seq, rev)
		SELECT gen_random_uuid(), r.id, $1, repeat('x', 100), 'text', false, now(), now(), n, n
		FROM (SELECT id FROM chat_rooms) r, generate_series(1, $2::int) n`, [16]byte(other), messages/1000)
	f.exec(`UPDATE chat_rooms SET last_seq = $1::int`, messages/1000)
	f.exec(`INSERT INTO chat_mentions (user_id, chat_room_id, seq) SELECT $1, r.id, n FROM (SELECT id FROM chat_rooms) r, generate_series(10, $2::int, 10) n`, [16]byte(f.user.ID), messages/1000)
	f.exec("VACUUM ANALYZE")
	for _, c := range []struct {
		name string
		read int
	}{{"40 unread", messages/1000 - 40}, {"all unread", 0}} {
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
