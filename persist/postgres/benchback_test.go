package postgres

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/room"
)

// BenchmarkComingBack tells what it costs that clients ask what changed in their rooms: so many in one
// look, who missed so much. Beside it stands where the rooms' logs end, which is the least that a look
// can be about.
func BenchmarkComingBack(b *testing.B) {
	const rooms, each = 380, 100
	f := newFleet(b, Config{URL: pgserver.Shared(b).Database(b), Writers: 1}, rooms)
	f.fillRooms(rooms, each)
	conn, err := f.bulk.Acquire(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	bulk := conn.Conn()
	conn.Release()
	if conn, err = f.readers.Acquire(b.Context()); err != nil {
		b.Fatal(err)
	}
	reader := conn.Conn()
	conn.Release()
	measure := func(name string, many int, look func(first int)) {
		b.Run(name, func(b *testing.B) {
			look(0)
			server, own := backendCPU(b, bulk)+backendCPU(b, reader), ownCPU(b)
			at := 0
			for b.Loop() {
				look(at)
				at += many
			}
			per := float64(b.N * many)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/per, "µs/question")
			b.ReportMetric(float64((backendCPU(b, bulk)+backendCPU(b, reader)-server).Microseconds())/per, "server-µs/question")
			b.ReportMetric(float64((ownCPU(b)-own).Microseconds())/per, "client-µs/question")
		})
	}
	for _, missed := range []int64{0, 2} {
		for _, many := range []int{1, 8, 64} {
			measure(fmt.Sprintf("missed %d, %d in a look", missed, many), many, func(first int) {
				queries := make([]room.WalkQuery, many)
				for i := range queries {
					queries[i] = room.WalkQuery{Room: f.rooms[(first+i)%rooms], After: each - missed, Limit: room.Limit{Messages: 32, Bytes: 32 << 10}, Final: true, Bulk: true}
				}
				walks, err := f.Walks(b.Context(), queries)
				if err != nil || len(walks[0].Entries) != int(missed) {
					b.Fatal(len(walks), err)
				}
			})
		}
	}
	measure("heads, 64 in a look", 64, func(first int) {
		ids := make([]uuid.UUID, 64)
		for i := range ids {
			ids[i] = f.rooms[(first+i)%rooms]
		}
		if heads, err := f.Heads(b.Context(), ids); err != nil || heads[0].Seq != each {
			b.Fatal(err)
		}
	})
}
