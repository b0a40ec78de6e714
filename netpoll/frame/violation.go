package frame

// Violation is a breach of the protocol that ends the connection: Code goes into
// the close frame that the server sends, Reason beside it. Violations are shared
// and never change.
type Violation struct {
	Code   uint16 // CodeProtocol, CodeUnsupported, CodeInvalid or CodeTooBig
	Reason string // short, for people
}

// Error makes a Violation an error.
func (v *Violation) Error() string { return v.Reason }

// What a peer can do wrong.
var (
	errReservedBits  = &Violation{CodeProtocol, "reserved bit set"}
	errCompressedBit = &Violation{CodeProtocol, "compressed bit where it may not be"}
	errOpcode        = &Violation{CodeProtocol, "reserved opcode"}
	errUnmasked      = &Violation{CodeProtocol, "frame is not masked"}
	errControlCut    = &Violation{CodeProtocol, "fragmented control frame"}
	errControlLong   = &Violation{CodeProtocol, "control frame over 125 bytes"}
	errLengthForm    = &Violation{CodeProtocol, "length not in its shortest form"}
	errLengthHighBit = &Violation{CodeProtocol, "length with its highest bit set"}
	errContinuation  = &Violation{CodeProtocol, "continuation without a message"}
	errInterleaved   = &Violation{CodeProtocol, "new message inside a fragmented one"}
	errBinary        = &Violation{CodeUnsupported, "binary messages are not supported"}
	errClosePayload  = &Violation{CodeProtocol, "close payload of one byte"}
	errCloseCode     = &Violation{CodeProtocol, "invalid close code"}
	errCloseReason   = &Violation{CodeInvalid, "close reason is not UTF-8"}
	errText          = &Violation{CodeInvalid, "text is not UTF-8"}
	errMessageBytes  = &Violation{CodeTooBig, "message too big"}
	errMessagePieces = &Violation{CodeTooBig, "message in too many fragments"}
)
