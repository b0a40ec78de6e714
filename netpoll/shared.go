package netpoll

import (
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/netpoll/frame"
)

// limits is what a Config and the operating system say, as the loops need it.
type limits struct {
	connectionsMax   int64
	fdMax            int32 // a connection with this number or a greater one is closed at once
	requestBytesMax  int   // of a loop
	begunBytesMax    int   // of a loop
	handshakeTimeout time.Duration
	pingInterval     time.Duration
	idleTimeout      time.Duration
	scanPeriod       time.Duration // in which each connection is looked at once
	messageBytesMax  int
	frames           [2]frame.Limits // by framesPlain, framesDeflate
	outboxBytesMax   int
	slowCloseCode    uint16
}

// Indices of limits.frames.
const (
	framesPlain = iota
	framesDeflate
)

// shared is what all loops of a server have in common.
type shared struct {
	// Static after construction.
	limits        limits
	compression   bool
	epoch         time.Time // moment 0
	log           *slog.Logger
	refusalBody   func(status int, text string) (contentType string, body []byte) // nil: plain text
	refusalHeader func(head []byte) string                                        // nil: nothing
	turnedAway    func(why RefusalReason, remote netip.AddrPort, path string)     // nil: nobody is told
	proxied       func(peer netip.Addr) bool                                      // nil: nobody sends a PROXY protocol header
	handovers     chan handover                                                   // nil: nobody takes plain HTTP

	// Any goroutine.
	sockets    atomic.Int64 // with gnet
	webSockets atomic.Int64 // of them, those that are open
	https      atomic.Int64 // with Config.HTTP, or on the way to it
	scarce     atomic.Bool  // memory is; see Server.ShortOfMemory

	webSocketsMax atomic.Int64 // 0: no bound of their own; see Server.BoundWebSockets
	draining      atomic.Bool  // Drain was called
	drained       atomic.Bool  // nobody is let in any more
	listeners     atomic.Int64 // that the loops have not shut
	stopping      atomic.Bool
}

// handoversMax is how many connections may wait for Config.HTTP to take them.
const handoversMax = 1_024

// handover is a connection on its way to Config.HTTP.
type handover struct {
	fd     int            // a duplicate, which outlives gnet's
	bytes  []byte         // read already
	loop   int            // index of the loop where it was
	client netip.AddrPort // as a proxy has said; zero: nobody has
}
