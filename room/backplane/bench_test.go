package backplane_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/backplane"
	"github.com/caravan-chat/caravan/room/presence"
)

// BenchmarkSecondNode measures how much later than a member on the sender's node
// a member on another one hears a message, in a room of two.
func BenchmarkSecondNode(b *testing.B) {
	c := newCaravan(b)
	url := redisserver.Start(b).URL()
	first, second := c.node(url), c.node(url)
	here, there := first.join(b, c.rooms[0].ID, "here"), second.join(b, c.rooms[0].ID, "there")
	healthy(b, first, second)
	var seqs []int64
	for b.Loop() {
		m := first.send(0, "a message of a usual length, for a room of two on two nodes")
		there.hears(m.Seq, 10*time.Second)
		seqs = append(seqs, m.Seq)
	}
	var added []time.Duration
	for _, seq := range seqs {
		added = append(added, there.heard(seq).Sub(here.heard(seq)))
	}
	slices.Sort(added)
	b.ReportMetric(float64(added[len(added)/2].Microseconds()), "added-p50-µs")
	b.ReportMetric(float64(added[len(added)*99/100].Microseconds()), "added-p99-µs")
	b.ReportMetric(float64(second.Stats().Repairs), "repairs")
}

// listener is an Inbound that counts.
type listener struct {
	events, caught atomic.Int64
}

func (l *listener) Announce(b *room.Batch)          { l.events.Add(int64(len(b.Events))) }
func (l *listener) AnnouncePresence(*presence.Said) {}
func (l *listener) AnnounceWatched([]uuid.UUID)     {}
func (l *listener) Met()                            {}

func (l *listener) AnnounceNotice(*room.Notice) {}
func (l *listener) CatchUp(uuid.UUID)           { l.caught.Add(1) }

// openTo starts a Backplane that hands in to l.
func openTo(b *testing.B, url string, l *listener) *backplane.Backplane {
	b.Helper()
	bp, err := backplane.New(backplane.Config{URL: url, Secret: testSecret})
	must(b, err)
	bp.Start(l)
	b.Cleanup(bp.Close)
	await.Until(b, "healthy", bp.Healthy)
	return bp
}

// batchOf makes a batch of events with 256 bytes of content each.
func batchOf(in uuid.UUID, first int64, events int) *room.Batch {
	batch := &room.Batch{Room: in}
	body := []byte(`{"id":"11111111-2222-4333-8444-555555555555","content":"` + strings.Repeat("x", 256) + `","created_at":"2026-01-02T03:04:05Z"}`)
	for seq := first; seq < first+int64(events); seq++ {
		frame := fmt.Appendf(nil, `{"type":"chat_message","message":%s,"seq":%d}`, body, seq)
		at := bytes.Index(frame, body)
		batch.Events = append(batch.Events, room.Event{Kind: protocol.KindMessage, Seq: seq, Prev: seq - 1, Frame: frame, Body: frame[at : at+len(body)]})
	}
	return batch
}

// BenchmarkPublish measures what a message costs that 0, 1 or 4 other nodes
// listen to: CPU of this process (the publisher and all listeners), and of Redis.
func BenchmarkPublish(b *testing.B) {
	for _, nodes := range []int{0, 1, 4} {
		for _, events := range []int{1, 32} {
			b.Run(fmt.Sprintf("nodes=%d/batch=%d", nodes, events), func(b *testing.B) {
				r := redisserver.Start(b)
				in := uuid.New()
				from := openTo(b, r.URL(), new(listener))
				var to []*listener
				for range nodes {
					l := new(listener)
					openTo(b, r.URL(), l).Follow(in)
					await.Until(b, "subscribed", func() bool { return l.caught.Load() == 1 })
					to = append(to, l)
				}
				// At most window messages are under way, so that Redis drops no listener.
				const window = 4_096
				sent := int64(0)
				heard := func() int64 {
					least := from.Stats().Published * int64(events)
					for _, l := range to {
						least = min(least, l.events.Load())
					}
					return least
				}
				redis, own := redisCPU(b, r), processCPU(b)
				for b.Loop() {
					from.Publish(batchOf(in, sent+1, events))
					sent += int64(events)
					if sent%window == 0 {
						await.Until(b, "the others keep up", func() bool { return heard() >= sent-window })
					}
				}
				await.Until(b, "all is heard", func() bool { return heard() >= sent })
				b.ReportMetric(float64((processCPU(b)-own).Nanoseconds())/float64(sent)/1e3, "process-µs/message")
				b.ReportMetric(float64((redisCPU(b, r)-redis).Nanoseconds())/float64(sent)/1e3, "redis-µs/message")
				b.ReportMetric(float64(from.Stats().Dropped), "dropped")
			})
		}
	}
}

// processCPU is the time that this process has used.
func processCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// redisCPU is the time that Redis has used.
func redisCPU(b *testing.B, r *redisserver.Server) time.Duration {
	b.Helper()
	var sum float64
	for line := range strings.Lines(command(b, r, "INFO", "cpu")) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			n, err := strconv.ParseFloat(text, 64)
			must(b, err)
			sum += n
		}
	}
	return time.Duration(sum * float64(time.Second))
}

// BenchmarkManyRooms measures what 5,000 subscribed rooms cost: memory here and in
// Redis, the first subscription, and the time until all are subscribed again after
// the connection broke.
func BenchmarkManyRooms(b *testing.B) {
	const rooms = 5_000
	for _, kind := range []string{"single", "cluster"} {
		b.Run(kind, func(b *testing.B) {
			var servers []*redisserver.Server
			var url string
			if kind == "single" {
				servers = []*redisserver.Server{redisserver.Start(b)}
				url = servers[0].URL()
			} else {
				c := redisserver.StartCluster(b, 3)
				servers, url = c.Nodes, c.URL()
			}
			var first, again time.Duration
			var heap, there int64
			for b.Loop() {
				l := new(listener)
				bp := openTo(b, url, l)
				heapBefore, thereBefore := heapBytes(), redisBytes(b, servers)
				subscribed := func() bool { return l.caught.Load() >= rooms }
				begun := time.Now()
				for range rooms {
					bp.Follow(uuid.New())
				}
				await.Until(b, "all are subscribed", subscribed)
				first += time.Since(begun)
				heap, there = heapBytes()-heapBefore, redisBytes(b, servers)-thereBefore
				l.caught.Store(0)
				begun = time.Now()
				for _, r := range servers {
					command(b, r, "CLIENT", "KILL", "TYPE", "pubsub")
				}
				await.Until(b, "all are subscribed again", subscribed)
				again += time.Since(begun)
				bp.Close()
			}
			b.ReportMetric(float64(first.Milliseconds())/float64(b.N), "first-ms")
			b.ReportMetric(float64(again.Milliseconds())/float64(b.N), "again-ms")
			b.ReportMetric(float64(heap)/rooms, "B/room")
			b.ReportMetric(float64(there)/rooms, "redis-B/room")
		})
	}
}

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func redisBytes(b *testing.B, servers []*redisserver.Server) (sum int64) {
	b.Helper()
	for _, r := range servers {
		for line := range strings.Lines(command(b, r, "INFO", "memory")) {
			if text, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
				n, err := strconv.ParseInt(text, 10, 64)
				must(b, err)
				sum += n
			}
		}
	}
	return sum
}
