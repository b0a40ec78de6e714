package echo

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

func TestEchoUntilTheContextIsDone(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	listening := make(chan netip.AddrPort, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{Listen: "127.0.0.1:0", MaxFrame: 1 << 20, Compression: true,
			Listening: func(a netip.AddrPort) { listening <- a }})
	}()
	conn, err := net.Dial("tcp", (<-listening).String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, _, err := ws.DefaultDialer.Upgrade(conn, &url.URL{Scheme: "ws", Host: "localhost", Path: "/"}); err != nil {
		t.Fatal(err)
	}
	for _, m := range []wsutil.Message{{OpCode: ws.OpText, Payload: []byte("héllo")}, {OpCode: ws.OpBinary, Payload: []byte(strings.Repeat("\xFF", 1<<20))}} {
		if err := wsutil.WriteClientMessage(conn, m.OpCode, m.Payload); err != nil {
			t.Fatal(err)
		}
		got, op, err := wsutil.ReadServerData(conn)
		if err != nil || op != m.OpCode || string(got) != string(m.Payload) {
			t.Fatalf("%v, %d bytes, %v", op, len(got), err)
		}
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Run does not return")
	}
}

func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := Run(context.Background(), Config{Listen: l.Addr().String(), MaxFrame: 1}); err == nil {
		t.Error("no error")
	}
}
