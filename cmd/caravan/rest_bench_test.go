package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol/token"
)

// BenchmarkREST measures the CPU that a server spends on one REST request on connections
// that are kept alive, a few of them at one time, each of another user. Real processes; PostgreSQL with fsync.
// One iteration is one request, so give it some thousands (-benchtime 5000x).
//
//	page   GET of the newest 50 messages of 256 bytes
//	send   POST of one message of 256 bytes
func BenchmarkREST(b *testing.B) {
	for _, store := range []string{"sqlite", "postgres"} {
		b.Run(store, func(b *testing.B) {
			database := "sqlite:" + filepath.Join(b.TempDir(), "caravan.db")
			if store == "postgres" {
				database = pgserver.Shared(b).Database(b)
			}
			runOnce(b, "seed", "--database", database, "--users", strconv.Itoa(restBenchUsers), "--trips", "1")
			node := startNode(b, "--database", database, "--jwt-secret", benchSecret, "--rate", "0")
			trip := persist.FleetTrip(0)
			message := fmt.Sprintf(`{"chat_room":"%s","content":"%s"}`, trip, strings.Repeat("x", 256))
			send := node.requests(b, "POST", "/api/v1/chat/messages/", message)
			page := node.requests(b, "GET", fmt.Sprintf("/api/v1/chat/rooms/%s/messages/", trip), "")
			first := node.keepAlive(b)
			for i := 0; first != nil && i < 60; i++ { // more than a page has
				first.ask(b, send[0], http.StatusCreated)
			}
			b.Run("page", func(b *testing.B) { node.serves(b, page, http.StatusOK) })
			b.Run("send", func(b *testing.B) { node.serves(b, send, http.StatusCreated) })
		})
	}
}

// restBenchUsers are more than there are connections on a machine with eight processors.
const restBenchUsers = 32

// serves has the node answer requests again and again, each connection those of its user,
// and reports what that costs it.
func (n *benchNode) serves(b *testing.B, requests []string, status int) {
	b.Helper()
	b.SetParallelism(4)
	var connections atomic.Int32
	before := spent(b, []*benchNode{n})
	b.RunParallel(func(pb *testing.PB) {
		c, request := n.keepAlive(b), requests[int(connections.Add(1))%len(requests)]
		for c != nil && pb.Next() {
			c.ask(b, request, status)
		}
	})
	took := spent(b, []*benchNode{n})[0].Since(before[0])
	b.ReportMetric(float64(took.Nanoseconds())/1e3/float64(b.N), "server-µs/request")
}

// requests returns the bytes of a request of each user.
func (n *benchNode) requests(b *testing.B, method, path, body string) (all []string) {
	b.Helper()
	for i := range restBenchUsers {
		bearer, err := token.Sign([]byte(benchSecret), persist.FleetUser(i), time.Hour)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			method, path, n.listen, bearer, len(body), body))
	}
	return all
}

// keptAlive is a connection for one request after another.
type keptAlive struct {
	conn net.Conn
	in   *bufio.Reader
}

// keepAlive opens a connection; nil where that fails, and so does the benchmark.
func (n *benchNode) keepAlive(b *testing.B) *keptAlive {
	conn, err := net.Dial("tcp", n.listen)
	if err != nil {
		b.Error(err)
		return nil
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &keptAlive{conn, bufio.NewReaderSize(conn, 64<<10)}
}

// ask sends a request, and reads the answer.
func (c *keptAlive) ask(b *testing.B, request string, status int) {
	if _, err := io.WriteString(c.conn, request); err != nil {
		b.Error(err)
		return
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		b.Error(err)
		return
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != status {
		b.Errorf("%d, %v", res.StatusCode, err)
	}
}
