package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
)

// heavyMessages stores messages of which each byte is six on the wire, in trip 0.
func (n *hostileNode) heavyMessages() {
	n.t.Helper()
	const messages = 200
	conn, err := n.enter(0, "")
	if err != nil {
		n.t.Fatal(err)
	}
	defer conn.Close()
	content, err := json.Marshal("." + strings.Repeat("\x01", 9_998) + ".")
	if err != nil {
		n.t.Fatal(err)
	}
	for sent := range messages {
		if err := conn.SetDeadline(time.Now().Add(await.Limit)); err != nil {
			n.t.Fatal(err)
		}
		if err := wsutil.WriteClientText(conn, fmt.Appendf(nil, `{"type":"chat_message","client_id":"heavy-%d","content":%s}`, sent, content)); err != nil {
			n.t.Fatal(err)
		}
		for told := false; !told; {
			frame, err := wsutil.ReadServerText(conn)
			if err != nil {
				n.t.Fatal(err)
			}
			told = strings.HasPrefix(string(frame), `{"type":"chat_message"`)
		}
	}
}

// deaf opens sockets of a user that ask for what came since a number of their own, read
// nothing, and ping, until the test ends. Some may be turned away.
func (n *hostileNode) deaf(user, sockets int) {
	n.t.Helper()
	over := make(chan struct{})
	n.t.Cleanup(func() { close(over) })
	for i := range sockets {
		dialer := ws.Dialer{NetDial: smallWindow}
		url := fmt.Sprintf("ws://%s/ws/chat/%s/?token=%s&since=%d", n.listen, persist.FleetTrip(user%hostileTrips), n.bearer(user), i)
		conn, _, _, err := dialer.Dial(n.t.Context(), url)
		if err != nil {
			continue
		}
		n.t.Cleanup(func() { _ = conn.Close() })
		go func() {
			for {
				if err := ws.WriteFrame(conn, ws.MaskFrame(ws.NewPingFrame(nil))); err != nil {
					return
				}
				select {
				case <-over:
					return
				case <-time.After(200 * time.Millisecond):
				}
			}
		}()
	}
}

// deafCalls makes as many REST calls of a user for all that there is, and reads none
// of the answers. leave ends them.
func (n *hostileNode) deafCalls(user, calls int) (leave func()) {
	n.t.Helper()
	var conns []net.Conn
	for range calls {
		conn, err := smallWindow(n.t.Context(), "tcp", n.listen)
		if err != nil {
			n.t.Fatal(err)
		}
		n.t.Cleanup(func() { _ = conn.Close() })
		conns = append(conns, conn)
		if _, err := fmt.Fprintf(conn, "GET /api/v1/chat/rooms/%s/messages/?limit=200 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
			persist.FleetTrip(user%hostileTrips), n.bearer(user)); err != nil {
			n.t.Fatal(err)
		}
	}
	return func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}
}

// smallWindow connects with a small receive buffer, so that what is not read stays with
// the server.
func smallWindow(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 16<<10) })
		return errors.Join(err, failed)
	}}
	return dialer.DialContext(ctx, network, addr)
}

// attackers are four of the eight members of trip 0; a newcomer and the bystander are
// others.
var attackers = []int{0, 2, 4, 6}

const (
	newcomer   = 8
	chatsApart = 1 // in trip 1
)

// newcomerIsServed lets a member in whom nobody has heard of, over both transports.
func (n *hostileNode) newcomerIsServed() error {
	n.t.Helper()
	conn, err := n.enter(newcomer, "")
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(await.Limit))
	first, err := wsutil.ReadServerText(conn)
	if err != nil || !strings.HasPrefix(string(first), `{"type":"message_history"`) {
		return fmt.Errorf("the first frame: %.60s, %w", first, err)
	}
	if status, body := n.call(newcomer, "GET", "/api/v1/chat/rooms/", ""); status != http.StatusOK {
		return fmt.Errorf("the list of rooms: %d %.100s", status, body)
	}
	return nil
}

// TestMembersWhoDoNotReadFillAPartOfTheMemoryOnly: a stored byte is six on the wire, a
// socket asks for all and does not read, a ping keeps it open. What they hold is bounded,
// their sockets are closed in time, and nobody else notices.
func TestMembersWhoDoNotReadFillAPartOfTheMemoryOnly(t *testing.T) {
	onEachStore(t, func(t *testing.T, database string) {
		const limit, answer = 128 << 20, 8 << 20
		n := startHostile(t, database, nil, "--rate", "0", "--history", "20", "--history-bytes", "8MiB", "--send-buffer", "16MiB",
			"--unsent-bytes", "128MiB", "--ping-interval", "1s", "--idle-timeout", "6s", "--compression=false")
		n.heavyMessages()
		before := n.resident()
		quiet := n.standBy(chatsApart)
		time.Sleep(time.Second)
		alone := quiet.rest(t)
		watcher := n.standBy(chatsApart)
		most := 0.0
		var leaves []func()
		for _, user := range attackers {
			leaves = append(leaves, n.deafCalls(user, 8))
			n.deaf(user, 40)
			most = max(most, n.metric("caravan_unsent_bytes"))
		}
		await.Until(t, "some are turned away", func() bool {
			most = max(most, n.metric("caravan_unsent_bytes"))
			return n.metric("caravan_unsent_refusals_total") >= 50
		})
		if err := n.newcomerIsServed(); err != nil {
			t.Errorf("beside the attack: %v", err)
		}
		for _, leave := range leaves { // REST would cut them off within 30 s
			leave()
		}
		await.Until(t, "what they hold is let go", func() bool {
			now := n.metric("caravan_unsent_bytes")
			most = max(most, now)
			return now == 0 && n.metric(`caravan_close_causes_total{cause="stalled"}`) > 0
		})
		if status, _ := n.ready(); status != http.StatusOK {
			t.Errorf("readyz says %d", status)
		}
		if most > limit+4*answer || most == 0 {
			t.Errorf("%.0f MiB were unsent", most/(1<<20))
		}
		grown := n.resident() - before
		if grown > 4*limit {
			t.Errorf("the server grew by %d MiB", grown>>20)
		}
		beside := watcher.rest(t)
		t.Logf("grew by %d MiB, %.0f MiB unsent; round trips alone %v, beside it %v (99%%)", grown>>20, most/(1<<20), percentile(alone, 99), percentile(beside, 99))
		if got, bound := percentile(beside, 50), 20*percentile(alone, 50)+50*time.Millisecond; got > bound {
			t.Errorf("half of the bystander's messages took more than %v, %v alone", got, percentile(alone, 50))
		}
	})
}

// TestShortOfMemoryTheServerShedsInPlaceOfDying gives the server less memory than its
// settings allow clients to fill. It refuses what is new, closes those who hold most,
// keeps those who chat, and lets clients in again when it is over.
func TestShortOfMemoryTheServerShedsInPlaceOfDying(t *testing.T) {
	onEachStore(t, func(t *testing.T, database string) {
		const memory = 256 << 20
		n := startHostile(t, database, []string{"GOMEMLIMIT=256MiB"}, "--rate", "0", "--history", "20", "--history-bytes", "8MiB",
			"--send-buffer", "16MiB", "--unsent-bytes", "16GiB", "--compression=false")
		if log := n.logged(); !strings.Contains(log, `"level":"WARN","msg":"memory: the settings allow more than there is`) || !strings.Contains(log, `"limit_mib":256,"from":"GOMEMLIMIT"`) {
			t.Errorf("the start does not say how much memory there is:\n%s", n.logged())
		}
		n.heavyMessages()
		watcher := n.standBy(chatsApart)
		for _, user := range attackers {
			n.deaf(user, 60)
		}
		await.Until(t, "memory is short", func() bool { return n.metric(`caravan_memory_sheds_total`) > 0 })
		await.Until(t, "those who hold most are closed", func() bool { return n.metric(`caravan_close_causes_total{cause="memory"}`) > 0 })
		await.Until(t, "memory is not short any more", func() bool { return n.metric("caravan_memory_short") == 0 })
		await.Until(t, "a newcomer gets in", func() bool { return n.newcomerIsServed() == nil })
		refused := n.metric("caravan_unsent_refusals_total") + n.metric(`caravan_connects_refused_total{reason="memory"}`)
		beside := watcher.rest(t)
		t.Logf("at most %d MiB resident; %.0f refused; a bystander's round trips: %v (99%%)", n.resident()>>20, refused, percentile(beside, 99))
		if most := n.resident(); most > memory*3/2 {
			t.Errorf("%d MiB were resident", most>>20)
		}
		log := n.logged()
		if short, over := strings.Count(log, "memory is short: "), strings.Count(log, "memory is not short any more"); short == 0 || over == 0 || short > 20 {
			t.Errorf("the log says %d times that memory is short, %d times that it is over:\n%s", short, over, log)
		}
	})
}
