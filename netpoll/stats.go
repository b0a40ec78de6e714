package netpoll

// Stats is what a Server counted. Totals only grow.
type Stats struct {
	Connections     int // WebSockets that are open now
	Handshaking     int // sockets now whose request is not complete
	Closing         int // sockets now that wait for their end
	HTTPConnections int // now, given to Config.HTTP and not closed yet

	Accepted  uint64                 // sockets
	Opened    uint64                 // WebSockets
	HTTPTotal uint64                 // connections given to Config.HTTP
	Refused   [refusalReasons]uint64 // handshakes, by RefusalReason
	Closes    map[uint16]uint64      // WebSockets closed, by close code; a client's own codes as 3000 and 4000
	Causes    [causes]uint64         // WebSockets closed, by Cause
	Panics    uint64                 // in the Handler

	MessagesIn  uint64
	BytesIn     uint64              // read from sockets
	Deliveries  uint64              // messages put into outboxes
	BytesOut    uint64              // written to sockets
	Writes      uint64              // system calls that did so
	OutboxBytes int                 // waiting now
	Stalled     int                 // connections now whose client does not read
	Dropped     [dropReasons]uint64 // messages that were not delivered, by DropReason

	Mail        uint64 // posted functions that were called
	MailWaiting int    // now
	Turns       uint64
}

// RefusalReason says why a client did not get its WebSocket.
type RefusalReason uint8

// The reasons.
const (
	RefusedConnections RefusalReason = iota // ConnectionsMax
	RefusedDraining                         // Server.Drain
	RefusedMalformed                        // not what RFC 6455 and RFC 9112 ask for
	RefusedTimeout                          // HandshakeTimeout
	RefusedHandler                          // Handler.Upgrade
	RefusedHTTP                             // plain HTTP that Config.HTTP did not take in time
	refusalReasons
)

var refusalNames = [refusalReasons]string{
	"connections", "draining", "malformed", "timeout", "handler", "http",
}

// String returns the reason in one word, for logs and metrics.
func (r RefusalReason) String() string { return refusalNames[r] }

// DropReason says why a queued message was not delivered.
type DropReason uint8

// The reasons.
const (
	DroppedSlow   DropReason = iota // OutboxBytesMax
	DroppedClosed                   // the connection ended first
	dropReasons
)

var dropNames = [dropReasons]string{"slow", "closed"}

// String returns the reason in one word, for logs and metrics.
func (d DropReason) String() string { return dropNames[d] }
