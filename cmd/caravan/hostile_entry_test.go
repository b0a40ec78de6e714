package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/proc"
	"github.com/caravan-chat/caravan/persist"
)

// TestWhatStrangersSendWithTheirHandshakeIsNotLookedAt: whoever may not come in costs about
// the same with frames behind the handshake as without any, whether the token is bad or
// the rights are missing, and is refused for that and nothing else.
func TestWhatStrangersSendWithTheirHandshakeIsNotLookedAt(t *testing.T) {
	const rounds, connects = 5, 100
	onEachStore(t, func(t *testing.T, database string) {
		n := startHostile(t, database, nil, "--read-rate", "0")
		for name, bearer := range map[string]string{"bad token": "nonsense", "no rights": n.bearer(1)} {
			t.Run(name, func(t *testing.T) {
				var plain time.Duration
				behind := map[string]time.Duration{}
				frames := map[string][]byte{
					"bombs":         deflated(strings.Repeat("x", 160_000))[:700],
					"many messages": bytes.Repeat(once(ws.NewTextFrame([]byte(`{"type":"ping"}`))), 60),
					"fragments":     fragments()[:3_000],
					"pings":         control(ws.OpPing, "ping")[:1_000],
				}
				for range rounds { // in turns, as the machine is not always equally fast
					plain += n.refusals(t, bearer, nil, connects)
					for what, sent := range frames {
						behind[what] += n.refusals(t, bearer, sent, connects)
					}
				}
				for what, cost := range behind {
					t.Logf("%s: %v a connect, without %v", what, cost/rounds/connects, plain/rounds/connects)
					if cost > 3*plain {
						t.Errorf("%s cost %v, and %v without", what, cost, plain)
					}
				}
			})
		}
		if looked := n.metric("caravan_received_messages_total"); looked > 0 {
			t.Errorf("%.0f messages were looked at", looked)
		}
	})
}

// refusals connects so many times in vain, and returns the CPU time that it took the server.
func (n *hostileNode) refusals(t *testing.T, bearer string, behind []byte, connects int) time.Duration {
	t.Helper()
	request := fmt.Sprintf("GET /ws/chat/%s/?token=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n%s",
		persist.FleetTrip(0), bearer, behind)
	before, err := proc.Read(n.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]net.Conn, connects) // all at once, so that each costs little else
	for i := range conns {
		if conns[i], err = net.Dial("tcp", n.listen); err != nil {
			t.Fatal(err)
		}
		_ = conns[i].SetDeadline(time.Now().Add(await.Limit))
		_, _ = io.WriteString(conns[i], request)
	}
	for _, conn := range conns {
		got, err := io.ReadAll(conn)
		_ = conn.Close()
		if err != nil || !bytes.Contains(got, []byte("\x0f\xa1")) && !bytes.Contains(got, []byte("\x0f\xa3")) { // 4001, 4003
			t.Fatalf("%q, %v", got, err)
		}
	}
	after, err := proc.Read(n.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return after.Since(before)
}
