package deflate

import (
	"errors"
)

// ErrMalformed says that a Sec-WebSocket-Extensions field does not follow the
// grammar of RFC 6455 section 9.1; the handshake must be refused then.
var ErrMalformed = errors.New("malformed Sec-WebSocket-Extensions")

// Params is what was agreed with one client. The zero value means that the
// extension was not agreed.
type Params struct {
	windowBits uint8 // of what the server sends: 8 to 15; 0: nothing agreed
	answerBits bool  // the client asked for windowBits, so that the answer names them
}

// Agreed tells whether the extension is in use.
func (p Params) Agreed() bool { return p.windowBits != 0 }

// Fits tells whether a message that Deflate made of n bytes may be sent under
// these parameters. A client may ask for a window smaller than the one Deflate
// uses; a message that is no longer than that window cannot reach beyond it, and
// any other is sent as it is. False where nothing was agreed.
func (p Params) Fits(n int) bool { return p.Agreed() && n <= 1<<p.windowBits }

// Negotiate reads one Sec-WebSocket-Extensions field of a request and returns the
// parameters of the first offer of permessage-deflate that can be accepted; ok is
// false if there is none. Offers of other extensions, and offers with parameters
// that are unknown, repeated or invalid, are passed over (RFC 7692 section 7). The
// only error is ErrMalformed.
func Negotiate(field []byte) (p Params, ok bool, err error) {
	return Params{}, false, nil
}

// AppendResponse appends the value of the response's Sec-WebSocket-Extensions
// field; nothing where the extension was not agreed.
func (p Params) AppendResponse(dst []byte) []byte {
	return dst
}
