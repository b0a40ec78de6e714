package socket_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room/socket"
)

// TestAUserHasSoManyConnections: over the limit a new one is closed with 1013; however
// one ends, another may take its place, and no other user is concerned.
func TestAUserHasSoManyConnections(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{Limits: socket.Limits{PerUser: 2}})
	path := fmt.Sprintf("/ws/chat/%s/?token=%s", persist.FleetTrip(0), sign(t, persist.FleetUser(0), time.Hour))
	enter := func() *client {
		t.Helper()
		c, err := s.open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	full := func() {
		t.Helper()
		c := enter()
		if code := c.closeCode(); code != 1013 {
			t.Fatalf("closed with %d", code)
		}
		_ = c.conn.Close()
	}
	s.join(0, "")
	last, _ := s.join(0, "")
	s.join(1, "") // another user
	for _, end := range []struct {
		name string
		by   func(c net.Conn) error
	}{
		{"a close frame", func(c net.Conn) error {
			return ws.WriteFrame(c, ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, ""))))
		}},
		{"a connection that breaks", func(c net.Conn) error { return c.Close() }},
		{"a fault in the protocol", func(c net.Conn) error { return ws.WriteFrame(c, ws.NewTextFrame([]byte("unmasked"))) }},
		{"a binary frame", func(c net.Conn) error { return wsutil.WriteClientBinary(c, []byte("x")) }},
		{"invalid UTF-8", func(c net.Conn) error { return wsutil.WriteClientText(c, []byte("\xff")) }},
	} {
		full()
		if err := end.by(last.conn); err != nil {
			t.Fatal(err)
		}
		await.Until(t, "after "+end.name+" another gets in", func() bool {
			last = enter()
			_, err := last.read()
			return err == nil
		})
	}
	full()
	s.join(1, "")
	if n := s.handler.Stats().OverPerUser; n < 6 {
		t.Errorf("%d are counted", n)
	}
}
