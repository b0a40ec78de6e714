package netpoll

// RefusalReason says why a client did not get its WebSocket.
type RefusalReason uint8

// The reasons.
const (
	RefusedConnections    RefusalReason = iota // ConnectionsMax, WebSocketsMax
	RefusedDraining                            // Server.Drain
	RefusedMalformed                           // not what RFC 6455 and RFC 9112 ask for
	RefusedTimeout                             // HandshakeTimeout
	RefusedHandler                             // Handler.Upgrade
	RefusedHTTP                                // plain HTTP that Config.HTTP did not take in time
	RefusedMemory                              // Server.ShortOfMemory
	RefusedYielded                             // the request did not come, and its place was wanted
	RefusedProxyHeader                         // none, or a malformed one, of a peer that has to send it: Config.Proxied
	RefusedProxyUntrusted                      // one of another peer
	RefusalReasons                             // how many there are
)

var refusalNames = [RefusalReasons]string{
	"connections", "draining", "malformed", "timeout", "handler", "http", "memory", "yielded",
	"proxy_header", "proxy_untrusted",
}

// String returns the reason in one word, for logs and metrics.
func (r RefusalReason) String() string { return refusalNames[r] }

// DropReason says why a queued payload was not delivered.
type DropReason uint8

// The reasons.
const (
	DroppedSlow   DropReason = iota // OutboxBytesMax
	DroppedClosed                   // the connection ended first
	DropReasons                     // how many there are
)

var dropNames = [DropReasons]string{"slow", "closed"}

// String returns the reason in one word, for logs and metrics.
func (d DropReason) String() string { return dropNames[d] }
