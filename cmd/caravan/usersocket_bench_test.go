package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol/token"
)

// BenchmarkManyRooms measures what users in 30 rooms each cost, once they have all come and
// are idle: with a socket for each room, and with one for all. Rooms are empty, so what is
// counted is the connections and not their histories. One iteration is one user.
//
//	heap-B        live heap of the server
//	slab-B        of the kernel, both ends of the connections
//	server-CPU-µs to let the user in, the histories included
//	wire-B        that the user gets for it
func BenchmarkManyRooms(b *testing.B) {
	const rooms = 30
	for _, one := range []bool{false, true} {
		b.Run(map[bool]string{false: "sockets", true: "one-socket"}[one], func(b *testing.B) {
			users := b.N
			database := pgserver.Shared(b).Database(b)
			runOnce(b, "seed", "--database", database, "--users", strconv.Itoa(users+1), "--trips", strconv.Itoa(rooms))
			asked(b, database, func(conn *pgx.Conn) {
				if _, err := conn.Exec(b.Context(), `INSERT INTO collaborators (trip_id, user_id) SELECT t.id, u.id FROM trips t, users u
					WHERE NOT EXISTS (SELECT 1 FROM collaborators c WHERE c.trip_id = t.id AND c.user_id = u.id)`); err != nil {
					b.Fatal(err)
				}
			})
			node := startNode(b, "--database", database, "--jwt-secret", benchSecret, "--rate", "0", "--loops", "1")
			node.enterAll(b, users, rooms, one) // what the first one needs once
			node.collect(b)
			heap, slab, before := readMetrics(b, node).Value("go_memstats_heap_alloc_bytes"), kernelSlab(b), spent(b, []*benchNode{node})
			wireBytes := 0
			b.ResetTimer()
			for i := range users {
				wireBytes += node.enterAll(b, i, rooms, one)
			}
			b.StopTimer()
			took := spent(b, []*benchNode{node})[0].Since(before[0])
			node.collect(b)
			each := func(n float64) float64 { return n / float64(users) }
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(each(readMetrics(b, node).Value("go_memstats_heap_alloc_bytes")-heap), "heap-B/user")
			b.ReportMetric(each(kernelSlab(b)-slab), "slab-B/user")
			b.ReportMetric(each(float64(took.Microseconds())), "server-CPU-µs/user")
			b.ReportMetric(each(float64(wireBytes)), "wire-B/user")
		})
	}
}

// enterAll lets a user into all rooms, and returns how many bytes that brought.
func (n *benchNode) enterAll(b *testing.B, user, rooms int, one bool) (bytes int) {
	b.Helper()
	read := func(client *wire.Client, frames int) {
		for range frames {
			text, err := client.Read()
			if err != nil {
				b.Fatal(err)
			}
			bytes += len(text)
		}
	}
	if one {
		client := n.joinUser(b, user, rooms)
		read(client, 2*rooms)
		return bytes
	}
	for trip := range rooms {
		client := n.open(b, user, fmt.Sprintf("/ws/chat/%s/?v=2", persist.FleetTrip(trip)))
		read(client, 2)
	}
	return bytes
}

// joinUser opens a socket of the user, who subscribes to the rooms of the first trips.
func (n *benchNode) joinUser(b *testing.B, user, rooms int) *wire.Client {
	b.Helper()
	client := n.open(b, user, "/ws/chat/?v=2")
	asked := make([]string, rooms)
	for trip := range rooms {
		asked[trip] = `{"id":"` + persist.FleetTrip(trip).String() + `"}`
	}
	if err := client.Write([]byte(`{"type":"subscribe","rooms":[` + strings.Join(asked, ",") + `]}`)); err != nil {
		b.Fatal(err)
	}
	return client
}

// open opens a session of a user that ends with the benchmark.
func (n *benchNode) open(b *testing.B, user int, target string) *wire.Client {
	b.Helper()
	bearer, err := token.Sign([]byte(benchSecret), persist.FleetUser(user), time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	at, err := wire.ParseEndpoint("ws://" + n.listen)
	if err != nil {
		b.Fatal(err)
	}
	client, err := wire.Dial(b.Context(), at, target, wire.Credential{Bearer: bearer}, [4]byte{1, 2, 3, 4}, 16<<20)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Abort)
	return client
}

// collect has the server's garbage collected.
func (n *benchNode) collect(b *testing.B) {
	b.Helper()
	for range 2 {
		res, err := http.Get("http://" + n.admin + "/debug/pprof/heap?gc=1")
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
}

// kernelSlab is how many bytes the kernel's own structures take, sockets among them.
func kernelSlab(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); fields[0] == "Slab:" {
			kb, err := strconv.Atoi(fields[1])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kb) * 1024
		}
	}
	b.Fatal("/proc/meminfo has no Slab")
	return 0
}
