package handshake

import (
	"bytes"
	"iter"

	"github.com/caravan-chat/caravan/netpoll/deflate"
)

// Kind says whom a request is for.
type Kind uint8

// The kinds of request.
const (
	HTTP      Kind = iota // no WebSocket was asked for: leave it to an HTTP server, with all bytes read
	WebSocket             // an opening handshake
)

// Request is a checked request. Its slices are parts of the block that it was
// parsed from and live as long as that does.
type Request struct {
	Method   []byte
	Target   []byte // as it stands in the request line
	Path     []byte // the target's path, not percent-decoded
	RawQuery []byte // what follows the first '?', not decoded; nil without

	Host          []byte // of the target where that is absolute, otherwise the field
	Origin        []byte // nil where the client sent none
	Authorization []byte // nil where the client sent none
	Key           []byte // Sec-WebSocket-Key, valid; WebSocket only

	Deflate deflate.Params // the first acceptable offer of permessage-deflate; WebSocket only

	Length  int64 // of the body that follows, in bytes; 0 where Chunked
	Chunked bool  // the body comes in chunks (RFC 9112 section 7.1)
	Last    bool  // the client wants the connection closed after the answer

	protocols bool   // the client offers subprotocols
	fields    []byte // the field lines and the empty line after them
	old       bool   // HTTP/1.0
	resource  bool   // the target names a resource: origin form or absolute form
}

// HTTP10 tells whether the client speaks HTTP/1.0.
func (r *Request) HTTP10() bool { return r.old }

// Protocols are the subprotocols that the client offers, in its order.
func (r *Request) Protocols() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !r.protocols {
			return
		}
		for lines := r.fields; !bytes.Equal(lines, []byte("\r\n")); {
			f, rest, why := nextField(lines)
			if why != "" {
				return
			}
			if f.is(protocolField) && !eachElement(f.value, yield) {
				return
			}
			lines = rest
		}
	}
}

// Joined returns the values of all fields of that name, in their order, as one list with
// commas between them; nil if there is none.
func (r *Request) Joined(name string) (all []byte) {
	for lines := r.fields; !bytes.Equal(lines, []byte("\r\n")); {
		f, rest, why := nextField(lines)
		if why != "" {
			return all
		}
		switch {
		case !f.is(name):
		case all == nil:
			all = f.value[:len(f.value):len(f.value)] // what is appended goes elsewhere
		default:
			all = append(append(all, ", "...), f.value...)
		}
		lines = rest
	}
	return all
}

// Header returns the value of the first field of that name, in any case of
// letters, without the whitespace around it; nil if there is none.
func (r *Request) Header(name string) []byte {
	for lines := r.fields; !bytes.Equal(lines, []byte("\r\n")); {
		f, rest, why := nextField(lines)
		if why != "" {
			return nil
		}
		if f.is(name) {
			return f.value
		}
		lines = rest
	}
	return nil
}
