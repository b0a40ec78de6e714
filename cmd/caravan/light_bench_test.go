package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/bench/scrape"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
)

// BenchmarkLightLoad measures how long somebody who talks alone waits: a client
// sends 256 bytes and waits for its echo, and in turn a connection to the same
// PostgreSQL (fsync on) does the least that a durable row costs, BEGIN, INSERT and
// COMMIT one after the other into a table with one index. Before each of them is a
// pause, after which caches are cold and processors asleep, as under light load.
// One iteration is one of each, so give it a few hundred (-benchtime 300x). All
// figures are medians.
//
//	bare-µs        BEGIN, INSERT, COMMIT
//	commit-µs      the server's transaction, by caravan_commit_seconds (to a tenth)
//	echo-µs        from sending the message to its echo: what a user waits for
//	commit/bare    their ratio
//	echo/bare
func BenchmarkLightLoad(b *testing.B) {
	const pause = 10 * time.Millisecond
	database := pgserver.Shared(b).Database(b)
	runOnce(b, "seed", "--database", database, "--users", "1", "--trips", "1")
	node := startNode(b, "--database", database, "--jwt-secret", benchSecret, "--rate", "0")
	client := node.join(b, 0)
	defer client.Abort()
	if _, err := client.Read(); err != nil { // its history
		b.Fatal(err)
	}
	content := strings.Repeat("x", 256)
	message := []byte(`{"type":"chat_message","content":"` + content + `"}`)
	echo := func() {
		if err := client.Write(message); err != nil {
			b.Fatal(err)
		}
		if _, err := client.Read(); err != nil {
			b.Fatal(err)
		}
	}

	conn, err := pgx.Connect(b.Context(), database)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(b.Context()) }() // the server ends with the benchmark
	exec := func(sql string, args ...any) {
		if _, err := conn.Exec(b.Context(), sql, args...); err != nil {
			b.Fatal(err)
		}
	}
	exec("CREATE TABLE bare (id uuid PRIMARY KEY, room uuid, sender uuid, content text, at timestamptz)")
	room, sender := [16]byte(persist.FleetTrip(0)), [16]byte(persist.FleetUser(0))
	row := func() {
		exec("BEGIN")
		exec("INSERT INTO bare VALUES ($1, $2, $3, $4, $5)", [16]byte(uuid.Must(uuid.NewV7())), room, sender, content, time.Now())
		exec("COMMIT")
	}

	echo() // both have prepared their statements
	row()
	before := readMetrics(b, node)
	var echoes, rows []time.Duration
	for b.Loop() {
		echoes = append(echoes, after(pause, echo))
		rows = append(rows, after(pause, row))
	}
	commit := 1e6 * readMetrics(b, node).HistogramSince(before, "caravan_commit_seconds").Quantile(0.5)
	bare, whole := medianMicroseconds(rows), medianMicroseconds(echoes)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(bare, "bare-µs")
	b.ReportMetric(commit, "commit-µs")
	b.ReportMetric(whole, "echo-µs")
	b.ReportMetric(commit/bare, "commit/bare")
	b.ReportMetric(whole/bare, "echo/bare")
}

// after tells how long something takes after a pause.
func after(pause time.Duration, do func()) time.Duration {
	time.Sleep(pause)
	start := time.Now()
	do()
	return time.Since(start)
}

func medianMicroseconds(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Nanoseconds()) / 1e3
}

// readMetrics reads what the node tells about itself.
func readMetrics(b *testing.B, n *benchNode) scrape.Metrics {
	b.Helper()
	m, err := scrape.Read(b.Context(), "http://"+n.admin)
	if err != nil {
		b.Fatal(err)
	}
	return m
}
