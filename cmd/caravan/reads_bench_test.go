package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol/token"
)

// BenchmarkBesideReads measures what a member who reads as much as --read-rate and
// --read-bytes allow costs others: eight members of another room send 256 bytes each
// 60 ms and wait for the echo, for 10 s without the reader and for 10 s beside it. One
// iteration is one of each, so that both meet the same machine.
//
//	alone-p99-µs, beside-p99-µs   from sending to the echo; -p50- likewise
//	reads/s, MiB/s                what the reader got
func BenchmarkBesideReads(b *testing.B) {
	const spell = 10 * time.Second
	for store, database := range map[string]func() string{
		"sqlite":   func() string { return "sqlite:" + filepath.Join(b.TempDir(), "caravan.db") },
		"postgres": func() string { return pgserver.Shared(b).Database(b) },
	} {
		b.Run(store, func(b *testing.B) {
			url := database()
			fillRooms(b, url)
			node := startNode(b, "--database", url, "--jwt-secret", benchSecret)
			reader := newSteadyReader(b, node)
			var alone, beside []time.Duration
			for b.Loop() {
				alone = append(alone, echoes(b, node, spell)...)
				reader.spendSavings()
				until := time.Now().Add(spell)
				var reading sync.WaitGroup
				reading.Go(func() { reader.read(func() bool { return time.Now().After(until) }) })
				beside = append(beside, echoes(b, node, spell)...)
				reading.Wait()
			}
			seconds := float64(b.N) * spell.Seconds()
			slices.Sort(alone)
			slices.Sort(beside)
			b.ReportMetric(0, "ns/op")
			for p, name := range map[int]string{50: "p50", 99: "p99"} {
				b.ReportMetric(float64(percentile(alone, p).Microseconds()), "alone-"+name+"-µs")
				b.ReportMetric(float64(percentile(beside, p).Microseconds()), "beside-"+name+"-µs")
			}
			b.ReportMetric(float64(reader.reads)/seconds, "reads/s")
			b.ReportMetric(float64(reader.bytes)/seconds/(1<<20), "MiB/s")
		})
	}
}

// echoes has members send and wait for the echo for so long, and returns how long each
// waited.
func echoes(b *testing.B, node *benchNode, d time.Duration) (all []time.Duration) {
	b.Helper()
	const members, pause = 8, 60 * time.Millisecond // less than --rate
	var mu sync.Mutex
	var talking sync.WaitGroup
	until := time.Now().Add(d)
	for i := range members {
		client := node.joinRoom(b, 1+2*i, 1)
		if _, err := client.Read(); err != nil { // its history
			b.Fatal(err)
		}
		talking.Go(func() {
			defer client.Abort()
			for n := 0; time.Now().Before(until); n++ {
				took, err := echo(client, fmt.Sprintf("%d/%d/%s", i, n, strings.Repeat("x", 250)))
				if err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				all = append(all, took)
				mu.Unlock()
				time.Sleep(pause)
			}
		})
	}
	talking.Wait()
	return all
}

// echo sends a message and waits until it comes back.
func echo(client *wire.Client, text string) (time.Duration, error) {
	begun := time.Now()
	if err := client.Write([]byte(`{"type":"chat_message","content":"` + text + `"}`)); err != nil {
		return 0, err
	}
	for {
		frame, err := client.Read()
		if err != nil || strings.Contains(string(frame), text) {
			return time.Since(begun), err
		}
	}
}

// steadyReader is a member who reads as much as is allowed.
type steadyReader struct {
	node           *benchNode
	bearer         string
	reads, refused int
	bytes          int64
}

func newSteadyReader(b *testing.B, node *benchNode) *steadyReader {
	b.Helper()
	bearer, err := token.Sign([]byte(benchSecret), persist.FleetUser(0), time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	return &steadyReader{node: node, bearer: bearer}
}

// spendSavings reads until it is refused, and forgets what that was.
func (r *steadyReader) spendSavings() {
	reads, bytes, refused := r.reads, r.bytes, r.refused
	r.read(func() bool { return r.refused > refused })
	r.reads, r.bytes = reads, bytes
}

// read asks for what changed since ever new numbers, until over.
func (r *steadyReader) read(over func() bool) {
	for since := 0; !over(); since = (since + 1) % 1000 {
		req, err := http.NewRequest("GET", fmt.Sprintf("http://%s%s?limit=200&since=%d", r.node.listen, messagesOf(0), since), nil)
		if err != nil {
			panic(err)
		}
		req.Header.Set("Authorization", "Bearer "+r.bearer)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return
		}
		n, _ := io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			r.refused++
			time.Sleep(20 * time.Millisecond)
			continue
		}
		r.reads++
		r.bytes += n
	}
}
