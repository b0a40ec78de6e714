package netpoll

import (
	"iter"
	"net/netip"

	"github.com/caravan-chat/caravan/netpoll/handshake"
)

// Request is the handshake of a client.
type Request struct {
	Path          string // as it came, still percent-encoded
	RawQuery      string // what follows the first '?', still encoded
	Host          string
	Origin        string // empty where the client is no browser
	Authorization string

	// Remote is the client's address, as Conn.Remote tells it. The Handler may set another one,
	// that a proxy has said in a header: Conn.Remote returns that from then on.
	Remote netip.AddrPort

	// Protocol is for the Handler to set: the subprotocol that it chooses of those that the
	// client offers (Protocols). Empty: none.
	Protocol string

	checked *handshake.Request
}

// Header returns the first value of any other header, or "". The name's case does
// not matter.
func (r *Request) Header(name string) string { return string(r.checked.Header(name)) }

// Joined returns the values of all fields of that name as one list, or "".
func (r *Request) Joined(name string) string { return string(r.checked.Joined(name)) }

// Protocols are the subprotocols that the client offers, in its order, each a token.
func (r *Request) Protocols() iter.Seq[string] {
	return func(yield func(string) bool) {
		for p := range r.checked.Protocols() {
			if !yield(string(p)) {
				return
			}
		}
	}
}

// Refusal is the HTTP answer to a handshake that the Handler does not want; the
// connection is closed after it.
type Refusal = handshake.Refusal
