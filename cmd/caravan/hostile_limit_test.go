package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws/wsutil"
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/hostile"
	"github.com/caravan-chat/caravan/protocol/token"
)

// smallMemory is a small container's.
const smallMemory = 128 << 20

// hostileMembers are of trip 0.
var hostileMembers = []int{0, 2, 4, 6, 10, 12}

// newcomers come while a server is attacked, one after the other, over both transports.
type newcomers struct {
	came, refused int
	first         error
}

// comeAndGo lets newcomers in until ctx ends.
func (n *hostileNode) comeAndGo(ctx context.Context, user int) *newcomers {
	var all newcomers
	for ctx.Err() == nil {
		all.came++
		if err := n.visits(user); err != nil {
			all.refused++
			if all.first == nil {
				all.first = err
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return &all
}

// visits is one of them.
func (n *hostileNode) visits(user int) error {
	conn, err := n.enter(user, "")
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(await.Limit))
	first, err := wsutil.ReadServerText(conn)
	if err != nil || !strings.HasPrefix(string(first), `{"type":"message_history"`) {
		return fmt.Errorf("the first frame: %.60s, %w", first, err)
	}
	if status, body := n.call(user, "GET", "/api/v1/chat/rooms/", ""); status != http.StatusOK {
		return fmt.Errorf("the list of rooms: %d %.100s", status, body)
	}
	return nil
}

// halfSaid has members begin messages and requests that are as large as may be, and not
// end them, on as many connections as each may have, and strangers do so with requests.
// Others may be let go for it.
func (n *hostileNode) halfSaid(users []int) {
	n.t.Helper()
	const sockets, bytes, strangers = 100, 163_840, 2_500
	began := binary.BigEndian.AppendUint64([]byte{0x81, 0x80 | 127}, bytes)
	began = append(append(began, 0, 0, 0, 0), strings.Repeat(" ", bytes-100)...)
	const whole, half = "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX-Long: "
	for i := range strangers {
		n.begins([]string{"", whole}[i%2] + half + strings.Repeat("x", 15_000))
	}
	for _, user := range users {
		post := "POST /api/v1/chat/messages/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 160000\r\nAuthorization: Bearer " + n.bearer(user) + "\r\n\r\n"
		for range sockets {
			if conn, err := n.enter(user, ""); err == nil {
				_ = conn.SetWriteDeadline(time.Now().Add(await.Limit))
				_, _ = conn.Write(began) // it may be refused
			}
			n.begins(post + strings.Repeat(" ", 150_000))
		}
	}
}

// begins opens a connection, says something, and stays until the test ends. It may be
// refused, or let go.
func (n *hostileNode) begins(what string) {
	conn, err := net.Dial("tcp", n.listen)
	if err != nil {
		return
	}
	n.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetWriteDeadline(time.Now().Add(await.Limit))
	_, _ = io.WriteString(conn, what)
}

// beside has hostile members act for a while, and returns how newcomers fared meanwhile.
func (n *hostileNode) beside(users []int, lasting time.Duration) *newcomers {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), lasting)
	defer cancel()
	cfg := hostile.Config{
		URLs: []string{"ws://" + n.listen}, Own: 0, Seed: 1, Each: time.Second,
		Mint: func(user uuid.UUID) (string, error) { return token.Sign([]byte(hostileSecret), user, time.Hour) },
	}
	for _, user := range users {
		cfg.Seats = append(cfg.Seats, hostile.Seat{User: user, Trip: user % hostileTrips})
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if _, err := hostile.Run(ctx, cfg); err != nil {
			n.t.Error(err)
		}
	}()
	all := n.comeAndGo(ctx, newcomer+1)
	<-ended
	return all
}

// TestAServerWithLittleMemoryBearsHostileMembers: all bounds follow the limit, so that what
// everybody may have begun fits, and others go on as they did.
func TestAServerWithLittleMemoryBearsHostileMembers(t *testing.T) {
	onEachStore(t, func(t *testing.T, database string) {
		n := startHostile(t, database, []string{fmt.Sprintf("GOMEMLIMIT=%d", smallMemory)})
		watcher := n.standBy(chatsApart)
		idle := n.resident()
		n.halfSaid(hostileMembers)
		all := n.beside(hostileMembers, 8*time.Second)
		beside := watcher.rest(t)
		most := n.resident()
		t.Logf("idle %d MiB, at most %d MiB resident; %d of %d newcomers were refused (%v); a bystander's round trips: %v (half), %v (99%%); sheds %.0f, yielded %.0f",
			idle>>20, most>>20, all.refused, all.came, all.first, percentile(beside, 50), percentile(beside, 99),
			n.metric("caravan_memory_sheds_total"), n.metric("caravan_rest_connections_yielded_total"))
		if most > smallMemory*5/4 {
			t.Errorf("%d MiB were resident, with a limit of %d", most>>20, smallMemory>>20)
		}
		if all.refused*10 > all.came {
			t.Errorf("%d of %d newcomers were refused: %v", all.refused, all.came, all.first)
		}
		if status, why := n.ready(); status != http.StatusOK {
			t.Errorf("readyz: %d %s", status, why)
		}
	})
}
