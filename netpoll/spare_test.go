package netpoll

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
)

// An open connection does not keep its client's address, and knows it all the same.
func TestAnOpenConnectionAsksTheKernelForItsClient(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", ":0"} { // gnet's address of a client of IPv4 is of IPv6 in the second
		opened := make(chan *Conn, 1)
		s := start(t, Config{Addr: address, Loops: 1, Handler: funcs{message: echoBack, open: func(c *Conn) { opened <- c }}})
		c := connectTo(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), s.Addr().Port()).String())
		c.write([]byte(plainRequest))
		if r := c.response(); r.StatusCode != http.StatusSwitchingProtocols {
			t.Fatal(r.Status)
		}
		is, want := await.Value(t, "the connection", opened), netip.MustParseAddrPort(c.conn.LocalAddr().String())
		onLoop(t, s.loops[0], func() {
			if !s.loops[0].spare.known || is.raw.RemoteAddr() != nil {
				t.Errorf("%s: gnet is built otherwise, and keeps %v", address, is.raw.RemoteAddr())
			}
			if is.Remote() != want {
				t.Errorf("%s: the client is %v, and not %v", address, is.Remote(), want)
			}
		})
		c.send("x")
		c.expect("x")
		_ = c.conn.SetLinger(0)
		_ = c.conn.Close()
		await.Until(t, "the connection's end", func() bool { return s.Stats().Sockets == 0 })
		onLoop(t, s.loops[0], func() {
			if is.Remote().IsValid() {
				t.Errorf("%s: a closed connection is %v's", address, is.Remote())
			}
		})
	}
}
