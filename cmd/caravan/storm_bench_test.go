package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/bench"
	"github.com/caravan-chat/caravan/bench/proc"
	"github.com/caravan-chat/caravan/bench/scrape"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/postgres"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
)

const (
	stormClients  = 5_000
	stormRooms    = 100
	stormMessages = 60 // in each room, more than a history has
)

// BenchmarkConnectStorm measures what a fleet that comes all at once costs: 5,000
// clients to 100 rooms, each with a history of 50 messages of 256 bytes; the
// harness connects as fast as it can. One iteration is one storm.
//
//	cold   on a server that was just started, which must read every room
//	warm   where each room has had a member, so that its history is in memory
//
// Figures are for each client: of the database, the time for which statements
// ran (pg_stat_database.active_time) and its processes' CPU; of the server, CPU.
// storm-s is the time from the first packet to the last history, questions/look how
// many clients' rights one statement answered, histories how many rooms were read.
func BenchmarkConnectStorm(b *testing.B) {
	server := pgserver.Start(b)
	name, err := server.CreateDatabase()
	if err != nil {
		b.Fatal(err)
	}
	database := server.URL(name)
	writeHistories(b, database)
	for _, warm := range []bool{false, true} {
		b.Run(map[bool]string{false: "cold", true: "warm"}[warm], func(b *testing.B) {
			var active, backends, own, wall time.Duration
			var told scrape.Metrics
			for b.Loop() {
				b.StopTimer()
				node := startNode(b, "--database", database, "--jwt-secret", benchSecret)
				if warm {
					for i := range stormRooms {
						member := node.joinRoom(b, i, i)
						if _, err := member.Read(); err != nil { // its history
							b.Fatal(err)
						}
						b.Cleanup(member.Abort)
					}
				}
				activeBefore := settledActiveTime(b, database)
				backendsBefore, ownBefore := backendTimes(b, database), spent(b, []*benchNode{node})
				b.StartTimer()
				wall += storm(b, node)
				b.StopTimer()
				for pid, now := range backendTimes(b, database) {
					backends += now - backendsBefore[pid] // of a new one, all of its time
				}
				own += spent(b, []*benchNode{node})[0].Since(ownBefore[0])
				active += settledActiveTime(b, database) - activeBefore
				told = readMetrics(b, node)
				b.StartTimer()
			}
			each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / stormClients / float64(b.N) }
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(each(active), "database-active-µs/client")
			b.ReportMetric(each(backends), "database-CPU-µs/client")
			b.ReportMetric(each(own), "server-CPU-µs/client")
			b.ReportMetric(wall.Seconds()/float64(b.N), "storm-s")
			b.ReportMetric(told.Value("caravan_access_questions_total")/told.Value("caravan_access_lookups_total"), "questions/look")
			b.ReportMetric(told.Value("caravan_history_questions_total"), "histories")
		})
	}
}

// writeHistories fills the rooms.
func writeHistories(b *testing.B, database string) {
	b.Helper()
	store, err := postgres.Open(b.Context(), postgres.Config{URL: database, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	if err := store.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	fleet := persist.Fleet(stormClients, stormRooms)
	if err := store.Seed(b.Context(), fleet); err != nil {
		b.Fatal(err)
	}
	questions := make([]room.AccessQuestion, stormRooms)
	for i := range questions {
		questions[i] = room.AccessQuestion{User: fleet.Users[i].ID, Place: fleet.Trips[i].ID}
	}
	answers, err := store.Access(b.Context(), questions) // makes the rooms
	if err != nil {
		b.Fatal(err)
	}
	content := strings.Repeat("x", 256)
	for range stormMessages {
		batch := make([]*room.Op, stormRooms)
		for i, a := range answers {
			batch[i] = &room.Op{
				Intent: protocol.Intent{Kind: protocol.KindMessage, MessageID: uuid.Must(uuid.NewV7()), Content: content, Type: protocol.TypeText},
				Room:   a.Room.ID, Trip: a.Room.TripID, Sender: a.User, At: time.Now().UTC().Truncate(time.Microsecond),
			}
		}
		if err := store.Append(b.Context(), batch, room.Within{}); err != nil {
			b.Fatal(err)
		}
		if o := batch[0].Outcome; o != room.Stored {
			b.Fatalf("a message was not stored: %v, %v", o, batch[0].Err)
		}
	}
}

// storm connects all clients, and returns how long that took.
func storm(b *testing.B, n *benchNode) time.Duration {
	b.Helper()
	rep, err := bench.Run(b.Context(), bench.Config{
		Scenario: bench.Idle, URL: "ws://" + n.listen, Connections: stormClients, Rooms: stormRooms,
		Mint:        func(user uuid.UUID) (string, error) { return token.Sign([]byte(benchSecret), user, time.Hour) },
		ConnectRate: 1_000_000, Handshakes: stormClients, Duration: time.Second,
	})
	if err != nil {
		b.Fatal(err)
	}
	if !rep.OK {
		b.Fatal(rep.Faults)
	}
	return time.Duration(rep.Connect.TookS * float64(time.Second))
}

// settledActiveTime reads for how long statements have run in the database. Its
// processes tell that a second after they have worked, and when they are idle, 10 s
// after.
func settledActiveTime(b *testing.B, database string) (active time.Duration) {
	b.Helper()
	time.Sleep(11 * time.Second)
	asked(b, database, func(conn *pgx.Conn) {
		var ms float64
		if err := conn.QueryRow(b.Context(), "SELECT active_time FROM pg_stat_database WHERE datname = current_database()").Scan(&ms); err != nil {
			b.Fatal(err)
		}
		active = time.Duration(ms * float64(time.Millisecond))
	})
	return active
}

// backendTimes reads the CPU time of each of the node's database processes.
func backendTimes(b *testing.B, database string) map[int]time.Duration {
	b.Helper()
	times := map[int]time.Duration{}
	asked(b, database, func(conn *pgx.Conn) {
		rows, err := conn.Query(b.Context(), "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'caravan'")
		if err != nil {
			b.Fatal(err)
		}
		pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if err != nil {
			b.Fatal(err)
		}
		for _, pid := range pids {
			s, err := proc.Read(pid)
			if err != nil {
				b.Fatal(err)
			}
			times[pid] = s.CPU
		}
	})
	return times
}

// asked asks the database on a connection of its own.
func asked(b *testing.B, database string, ask func(*pgx.Conn)) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), database)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(b.Context()) }() // the server ends with the benchmark
	ask(conn)
}
