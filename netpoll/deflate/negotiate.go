package deflate

import (
	"errors"
	"strconv"
)

// ErrMalformed says that a Sec-WebSocket-Extensions field does not follow the
// grammar of RFC 6455 section 9.1; the handshake must be refused then.
var ErrMalformed = errors.New("malformed Sec-WebSocket-Extensions")

// name is the extension's, and what follows are its parameters' (RFC 7692
// section 7.1).
const (
	name                    = "permessage-deflate"
	serverNoContextTakeover = "server_no_context_takeover"
	clientNoContextTakeover = "client_no_context_takeover"
	serverMaxWindowBits     = "server_max_window_bits"
	clientMaxWindowBits     = "client_max_window_bits"
)

const (
	windowBitsMin = 8
	windowBitsMax = 15
)

// Params is what was agreed with one client. The zero value means that the
// extension was not agreed.
type Params struct {
	windowBits uint8 // of what the server sends: 8 to 15; 0: nothing agreed
	asked      bool  // the client asked for windowBits, so that the answer names them
}

// Agreed tells whether the extension is in use.
func (p Params) Agreed() bool { return p.windowBits != 0 }

// Fits tells whether a message that Deflate made of n bytes may be sent under
// these parameters. A client may ask for a window smaller than the one Deflate
// uses; a message that is no longer than that window cannot reach beyond it, and
// any other is sent as it is. False where nothing was agreed.
func (p Params) Fits(n int) bool {
	return p.windowBits == windowBitsMax || p.Agreed() && n <= 1<<p.windowBits
}

// Negotiate reads one Sec-WebSocket-Extensions field of a request and returns the
// parameters of the first offer of permessage-deflate that can be accepted, or
// none. Offers of other extensions, and offers with parameters that are unknown,
// repeated or invalid, are passed over (RFC 7692 section 7). A field without any
// offer, which proxies send, offers nothing. The only error is ErrMalformed.
func Negotiate(field []byte) (Params, error) {
	var first Params
	s := scanner{field}
	for {
		for s.take(',') { // a list may have empty elements (RFC 9110 section 5.6.1)
		}
		if s.end() {
			return first, nil
		}
		p, ok := s.offer()
		if !ok || !s.end() && s.b[0] != ',' {
			return Params{}, ErrMalformed
		}
		if !first.Agreed() {
			first = p
		}
	}
}

// offer reads one element of the list. p is agreed where it can be accepted; ok
// is false where it breaks the grammar.
func (s *scanner) offer() (p Params, ok bool) {
	extension := s.token()
	if len(extension) == 0 {
		return Params{}, false
	}
	p.windowBits = windowBitsMax
	acceptable := string(extension) == name
	var seen seen
	for s.take(';') {
		param := s.token()
		if len(param) == 0 {
			return Params{}, false
		}
		var v value
		if s.take('=') {
			if v, ok = s.value(); !ok {
				return Params{}, false
			}
		}
		acceptable = acceptable && p.accept(param, &v, &seen)
	}
	if !acceptable {
		p = Params{}
	}
	return p, true
}

// seen notes which parameters an offer has had: none may stand twice.
type seen struct{ serverTakeover, clientTakeover, serverBits, clientBits bool }

// accept takes up one parameter of an offer and tells whether it is valid. That
// the client may resume its window, or how large that is, does not matter: the
// answer forbids the first, and Inflate keeps the largest.
func (p *Params) accept(param []byte, v *value, s *seen) bool {
	var again *bool
	valid := !v.given
	switch string(param) {
	case serverNoContextTakeover:
		again = &s.serverTakeover
	case clientNoContextTakeover:
		again = &s.clientTakeover
	case clientMaxWindowBits:
		again = &s.clientBits
		valid = valid || v.windowBits() != 0
	case serverMaxWindowBits:
		again = &s.serverBits
		p.windowBits, p.asked = v.windowBits(), true
		valid = p.windowBits != 0
	default:
		return false
	}
	valid = valid && !*again
	*again = true
	return valid
}

// windowBits reads a window's size: a decimal number from 8 to 15 without leading
// zeros (RFC 7692 section 7.1.2). 0 for any other value.
func (v *value) windowBits() uint8 {
	n := 0
	for i, c := range v.bytes[:v.n] {
		if c < '0' || c > '9' || i == 0 && c == '0' || i == 2 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	if n < windowBitsMin || n > windowBitsMax {
		return 0
	}
	return uint8(n)
}

// AppendResponse appends the value of the response's Sec-WebSocket-Extensions
// field; nothing where the extension was not agreed. Both sides drop their window
// after each message, which a server may demand whether or not it was offered
// (sections 7.1.1.1 and 7.1.1.2).
func (p Params) AppendResponse(dst []byte) []byte {
	if !p.Agreed() {
		return dst
	}
	dst = append(dst, name+"; "+serverNoContextTakeover+"; "+clientNoContextTakeover...)
	if p.asked {
		dst = append(dst, "; "+serverMaxWindowBits+"="...)
		dst = strconv.AppendInt(dst, int64(p.windowBits), 10)
	}
	return dst
}
