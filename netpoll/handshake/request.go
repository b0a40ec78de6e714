package handshake

import "github.com/caravan-chat/caravan/netpoll/deflate"

// Kind says whom a request is for.
type Kind uint8

// The kinds of request.
const (
	HTTP      Kind = iota // no WebSocket was asked for: leave it to an HTTP server, with all bytes read
	WebSocket             // a valid opening handshake
)

// Request is a checked request. Its slices are parts of the block that it was
// parsed from and live as long as that does.
type Request struct {
	Method   []byte
	Target   []byte // as it stands in the request line
	Path     []byte // the target's path, not percent-decoded
	RawQuery []byte // what follows the first '?', not decoded; nil without

	Host          []byte
	Origin        []byte // nil where the client sent none
	Authorization []byte // nil where the client sent none
	UserAgent     []byte // nil where the client sent none
	Key           []byte // Sec-WebSocket-Key, valid; WebSocket only

	Deflate deflate.Params // the first acceptable offer of permessage-deflate; WebSocket only

	fields []byte // the header's field lines
}

// Header returns the value of the first field of that name, in any case of
// letters; nil if there is none.
func (r *Request) Header(name string) []byte { return nil }
