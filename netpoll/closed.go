package netpoll

// Kind says what a message is.
type Kind uint8

// The two kinds of messages.
const (
	Text   Kind = iota + 1 // valid UTF-8
	Binary                 // any bytes
)

// Closed says how a connection ended.
type Closed struct {
	Code   uint16 // what was sent, or what the client sent; CloseAbnormal where nobody sent anything
	Reason string
	Cause  Cause
}

// Cause says who or what ended a connection.
type Cause uint8

// The causes.
const (
	CauseHandler  Cause = iota // Conn.Close was called
	CausePeer                  // the client sent a close frame
	CauseLost                  // the client's TCP connection ended without a close frame
	CauseProtocol              // the client broke the protocol or a limit of it
	CauseSlow                  // more than OutboxBytesMax were waiting
	CauseStalled               // something waited for IdleTimeout, and the client took nothing
	CauseMemory                // Server.Shed
	CauseIdle                  // no sign of life for IdleTimeout
	CausePanic                 // the Handler panicked
	CauseDrain                 // Server.Drain
	CauseShutdown              // Server.Close
	Causes                     // how many there are
)

var causeNames = [Causes]string{
	"handler", "peer", "lost", "protocol", "slow", "stalled", "memory", "idle", "panic", "drain", "shutdown",
}

// String returns the cause in one word, for logs and metrics.
func (c Cause) String() string { return causeNames[c] }

// sentAway is how a Drain ends a connection.
var sentAway = Closed{CloseRestart, "server restarts", CauseDrain}

// Close codes of RFC 6455 section 7.4.1 and of its registry.
const (
	CloseNormal      uint16 = 1000
	CloseGoingAway   uint16 = 1001
	CloseProtocol    uint16 = 1002
	CloseUnsupported uint16 = 1003 // a kind of message that is not accepted
	CloseNoStatus    uint16 = 1005 // the close frame had no code; never sent
	CloseAbnormal    uint16 = 1006 // no close frame; never sent
	CloseInvalid     uint16 = 1007 // text that is not UTF-8
	ClosePolicy      uint16 = 1008
	CloseTooBig      uint16 = 1009
	CloseInternal    uint16 = 1011
	CloseRestart     uint16 = 1012 // the server restarts: reconnect
)
