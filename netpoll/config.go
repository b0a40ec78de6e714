package netpoll

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"time"

	"github.com/caravan-chat/caravan/netpoll/claim"
)

// Config is what Listen needs. The zero value of a field means its default.
type Config struct {
	Addr    string         // host:port to listen on; port 0: any free one
	Address *claim.Address // reserved already, in place of Addr; Listen takes it over. Nil: Listen reserves Addr
	Handler Handler        // required
	Loops   int            // event loops; default: number of CPUs

	// HTTP takes the connections whose first request asks for no upgrade. It gets
	// a connection from which everything can be read from the first byte on, owns
	// it from then on, and may block a little: what it does not take in time is
	// refused with 503. Where a later request asks for an upgrade after all, it can
	// give the connection back with Server.TakeBack. Nil: such requests are refused
	// with 426.
	HTTP func(net.Conn)

	// RefusalBody writes the bodies of the refusals that netpoll makes itself, in the
	// application's format: text says why. It is called on the loops. Nil: plain text.
	RefusalBody func(status int, text string) (contentType string, body []byte)

	// RefusalHeader writes further header lines of all refusals, each with its CRLF.
	// head is the request as far as it has come, well-formed or not. It is called on the
	// loops and must not keep head. Nil: there are none.
	RefusalHeader func(head []byte) string

	// TurnedAway is told of each client that netpoll itself refuses. path is empty where no
	// whole request has come. It is called on the loops. Nil: nobody is told.
	TurnedAway func(why RefusalReason, remote netip.AddrPort, path string)

	// Proxied says of which peers each connection begins with a header of the PROXY protocol,
	// version 1 or 2, that names its client. Those that begin otherwise are refused, and so is
	// whoever sends such a header and is none of them. It is called on the loops. Nil: there
	// are no such peers.
	Proxied func(peer netip.Addr) bool

	// ConnectionsMax bounds the open connections, those given to HTTP included. A
	// client above it gets HTTP 503 with Retry-After. Default, and upper bound:
	// what the process's limit of open files leaves.
	ConnectionsMax int

	// WebSocketsMax bounds the open WebSockets alone: a handshake above it gets HTTP
	// 503 with Retry-After, while plain HTTP goes on. 0: no bound but ConnectionsMax.
	WebSocketsMax int

	HandshakeTimeout time.Duration // from accept to the whole request; default 10s
	PingInterval     time.Duration // a client silent for so long is pinged; default 30s
	IdleTimeout      time.Duration // a client silent for so long, or for which something waits and that takes nothing, is closed; default 75s

	MessageBytesMax int  // of one incoming message, after inflation; default 64 KiB
	TextOnly        bool // a client that begins a binary message is closed with CloseUnsupported

	// OutboxBytesMax bounds what waits for one client that does not read. Above it the
	// client is closed with SlowCloseCode. One payload is taken whatever its size,
	// where nothing else waits. Default 1 MiB.
	OutboxBytesMax int
	SlowCloseCode  uint16 // default ClosePolicy

	// RequestBytesMax bounds what is kept of requests that have not come whole, all
	// connections together. Above it the oldest of those go. Default 64 MiB.
	RequestBytesMax int

	// BegunBytesMax bounds what is kept of messages that have not come whole, and of what
	// paused clients have sent, all connections together. Above it those that hold most
	// are closed with SlowCloseCode. Default 1 GiB.
	BegunBytesMax int

	Compression bool // accept permessage-deflate where a client offers it

	// Part is called on a loop by a Drain with connections whose time has come: each is to
	// be given to Conn.Part, at once or by and by. Those that are not in time Drain itself
	// gives there. Nil: it always does.
	Part func(l *Loop, cs []*Conn)

	// DrainTimeout is the time over which Drain spreads the closes where its
	// context has no deadline. Default 10s.
	DrainTimeout time.Duration

	Log *slog.Logger // default: slog.Default()
}

// loopsMax is gnet's limit.
const loopsMax = 255

// withDefaults returns the Config with each zero field set, or what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	if c.Handler == nil {
		return c, errors.New("netpoll: Config.Handler is nil")
	}
	if c.Loops > loopsMax {
		return c, fmt.Errorf("netpoll: %d loops; there can be %d", c.Loops, loopsMax)
	}
	orDefault(&c.Loops, runtime.NumCPU())
	orDefault(&c.HandshakeTimeout, 10*time.Second)
	orDefault(&c.PingInterval, 30*time.Second)
	orDefault(&c.IdleTimeout, c.PingInterval*5/2)
	orDefault(&c.MessageBytesMax, 64<<10)
	orDefault(&c.OutboxBytesMax, 1<<20)
	orDefault(&c.SlowCloseCode, ClosePolicy)
	orDefault(&c.RequestBytesMax, 64<<20)
	orDefault(&c.BegunBytesMax, 1<<30)
	orDefault(&c.DrainTimeout, 10*time.Second)
	if c.IdleTimeout <= c.PingInterval {
		return c, fmt.Errorf("netpoll: an idle timeout of %v is not longer than the ping interval of %v", c.IdleTimeout, c.PingInterval)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c, nil
}

func orDefault[T int | uint16 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}
