package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/proc"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol/token"
)

const benchSecret = "a secret of the benchmarks, 32 bytes"

// BenchmarkDelivery measures the CPU that servers spend on one delivery when a
// room is saturated: a sender keeps 256 messages of 256 bytes under way to 300
// members on its own node, or on another one. Real processes, PostgreSQL with
// fsync, Redis; one iteration is one message.
//
//	alone        one node, without Redis
//	user-sockets likewise; the members have subscribed to the room on sockets of their own
//	same-node    one of two nodes, that all are on; the other has no members
//	other-node   the sender is on one node, the members on the other
func BenchmarkDelivery(b *testing.B) {
	for _, c := range []struct {
		name           string
		nodes          int
		sender, others int
		first          int64 // frames that a member begins with
	}{
		{"alone", 1, 0, 0, 1},
		{"user-sockets", 1, 0, 0, 2},
		{"same-node", 2, 0, 0, 1},
		{"other-node", 2, 0, 1, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			const members = 300
			database := pgserver.Shared(b).Database(b)
			redis := redisserver.Start(b)
			flags := []string{"--database", database, "--jwt-secret", benchSecret, "--rate", "0"}
			runOnce(b, "seed", "--database", database, "--users", strconv.Itoa(members+1), "--trips", "1")
			var nodes []*benchNode
			for range c.nodes {
				more := flags
				if c.nodes > 1 {
					more = append(more, "--redis", redis.URL())
				}
				nodes = append(nodes, startNode(b, more...))
			}
			var heard [members]atomic.Int64
			var readers sync.WaitGroup
			b.Cleanup(readers.Wait)
			for i := range members {
				var client *wire.Client
				if c.first > 1 {
					client = nodes[c.others].joinUser(b, i+1, 1)
				} else {
					client = nodes[c.others].join(b, i+1)
				}
				readers.Go(func() {
					for {
						if _, err := client.Read(); err != nil {
							return
						}
						heard[i].Add(1)
					}
				})
				b.Cleanup(client.Abort)
			}
			least := func() int64 {
				n := heard[0].Load()
				for i := range heard {
					n = min(n, heard[i].Load())
				}
				return n
			}
			sender := nodes[c.sender].join(b, 0)
			b.Cleanup(sender.Abort)
			if _, err := sender.Read(); err != nil { // its history
				b.Fatal(err)
			}
			for deadline := time.Now().Add(20 * time.Second); least() < c.first; time.Sleep(10 * time.Millisecond) { // theirs
				if time.Now().After(deadline) {
					b.Fatal("not all members are in the room")
				}
			}
			message := []byte(`{"type":"chat_message","content":"` + strings.Repeat("x", 256) + `"}`)
			const window = 256
			before := spent(b, nodes)
			sent := 0
			for b.Loop() {
				if err := sender.Write(message); err != nil {
					b.Fatal(err)
				}
				if sent++; sent >= window {
					if _, err := sender.Read(); err != nil {
						b.Fatal(err)
					}
				}
			}
			for deadline := time.Now().Add(60 * time.Second); least() < int64(sent)+c.first; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					b.Fatalf("a member heard %d of %d", least()-c.first, sent)
				}
			}
			after := spent(b, nodes)
			var all time.Duration
			for i := range nodes {
				all += after[i].Since(before[i])
			}
			deliveries := float64(sent) * members
			b.ReportMetric(float64(all.Nanoseconds())/1e3/deliveries, "server-µs/delivery")
			b.ReportMetric(float64(after[c.others].Since(before[c.others]).Nanoseconds())/1e3/deliveries, "members'-node-µs/delivery")
			b.ReportMetric(deliveries/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// benchNode is a running `caravan serve`.
type benchNode struct {
	pid    int
	listen string
	admin  string
}

// asProcess returns caravan with those arguments, ended with the benchmark.
func asProcess(b *testing.B, args ...string) *exec.Cmd {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), self, args...)
	cmd.Dir = b.TempDir()
	cmd.Env = []string{asCaravan + "=1", "PATH=" + os.Getenv("PATH")}
	return cmd
}

func runOnce(b *testing.B, args ...string) {
	b.Helper()
	if out, err := asProcess(b, args...).CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// startNode starts a server and waits until it is ready.
func startNode(b *testing.B, flags ...string) *benchNode {
	b.Helper()
	listen, admin := freeAddress(b), freeAddress(b)
	cmd := asProcess(b, append([]string{"serve", "--listen", listen, "--admin-listen", admin}, flags...)...)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get("http://" + admin + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return &benchNode{cmd.Process.Pid, listen, admin}
			}
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			b.Fatalf("the server is not ready:\n%s", log.String())
		}
	}
}

func freeAddress(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// join opens a session of user i in the first room.
func (n *benchNode) join(b *testing.B, i int) *wire.Client {
	b.Helper()
	return n.joinRoom(b, i, 0)
}

// joinRoom opens a session of user i in the room of a trip.
func (n *benchNode) joinRoom(b *testing.B, i, trip int) *wire.Client {
	b.Helper()
	bearer, err := token.Sign([]byte(benchSecret), persist.FleetUser(i), time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	at, err := wire.ParseEndpoint("ws://" + n.listen)
	if err != nil {
		b.Fatal(err)
	}
	client, err := wire.Dial(b.Context(), at, fmt.Sprintf("/ws/chat/%s/", persist.FleetTrip(trip)), wire.Credential{Bearer: bearer}, [4]byte{1, 2, 3, 4}, 16<<20)
	if err != nil {
		b.Fatal(err)
	}
	return client
}

// spent is what the nodes have used so far.
func spent(b *testing.B, nodes []*benchNode) []proc.Sample {
	b.Helper()
	samples := make([]proc.Sample, len(nodes))
	for i, n := range nodes {
		var err error
		if samples[i], err = proc.Read(n.pid); err != nil {
			b.Fatal(err)
		}
	}
	return samples
}
