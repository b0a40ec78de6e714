package handshake

import (
	"bytes"
	"encoding/base64"
	"net/http"

	"github.com/caravan-chat/caravan/netpoll/deflate"
	"github.com/caravan-chat/caravan/netpoll/internal/grammar"
)

// Parse judges a block that HeaderEnd found and fills r with it. Any block must
// keep to the grammar of RFC 9112. If it asks for a WebSocket, it must be all
// that RFC 6455 section 4.2.1 demands; if not, its kind is HTTP, and whether it
// makes sense is for the HTTP server to say. After a refusal, which is to be sent
// before the connection is closed, r means nothing.
func Parse(block []byte, r *Request) (Kind, *Refusal) {
	*r = Request{}
	kind, refusal := r.parse(block)
	if refusal != nil {
		refusal.noBody = string(r.Method) == http.MethodHead
	}
	return kind, refusal
}

func (r *Request) parse(block []byte) (Kind, *Refusal) {
	if len(block) > HeaderBytesMax {
		return 0, refuse(http.StatusRequestHeaderFieldsTooLarge, "request header over 16 KiB")
	}
	// One empty line before the request line is passed over (RFC 9112 section 2.2).
	block = bytes.TrimPrefix(block, []byte("\r\n"))
	line, fields, why := nextLine(block)
	if why != "" {
		return 0, refuse(http.StatusBadRequest, why)
	}
	if refusal := r.requestLine(line); refusal != nil {
		return 0, refusal
	}
	r.fields = fields
	var h upgrade
	if why = h.read(r); why != "" {
		return 0, refuse(http.StatusBadRequest, why)
	}
	if !h.websocket && h.keys == 0 {
		if !r.resource && !(string(r.Method) == http.MethodOptions && string(r.Target) == "*") {
			return 0, refuse(http.StatusBadRequest, "request target names no resource")
		}
		return HTTP, nil
	}
	return WebSocket, h.judge(r)
}

// requestLine reads and checks the request line (RFC 9112 section 3).
func (r *Request) requestLine(line []byte) *Refusal {
	method, rest, _ := bytes.Cut(line, []byte{' '})
	target, version, _ := bytes.Cut(rest, []byte{' '})
	for _, c := range method {
		if !grammar.IsToken(c) {
			return refuse(http.StatusBadRequest, "malformed method")
		}
	}
	for _, c := range target {
		if c <= ' ' || c >= del || c == '#' {
			return refuse(http.StatusBadRequest, "malformed request target")
		}
	}
	digits, found := bytes.CutPrefix(version, []byte("HTTP/"))
	if len(method) == 0 || len(target) == 0 || !found || len(digits) != 3 || digits[1] != '.' ||
		!digit(digits[0]) || !digit(digits[2]) {
		return refuse(http.StatusBadRequest, "malformed request line")
	}
	if digits[0] != '1' {
		return refuse(http.StatusHTTPVersionNotSupported, "not HTTP/1.1")
	}
	r.Method, r.Target, r.old = method, target, digits[2] == '0'
	r.Host, r.Path, r.RawQuery, r.resource = splitTarget(target)
	return nil
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// upgrade is what the fields of a request say about the upgrade, beside what the
// Request holds.
type upgrade struct {
	websocket   bool // Upgrade lists websocket
	connection  bool // Connection lists upgrade
	version13   bool
	extensions  bool // malformed
	protocols   bool // malformed
	hosts, keys int  // how often the field stands there
	versions    int
	repeated    bool // a field that an origin or identity is judged by stands twice
	framing     framing
}

// read reads all fields, in the grammar that holds for any request. It returns
// what is wrong with them.
func (h *upgrade) read(r *Request) (why string) {
	lines := r.fields
	var hostField []byte
	for !bytes.Equal(lines, []byte("\r\n")) {
		var f field
		if f, lines, why = nextField(lines); why != "" {
			return why
		}
		if f.is("Host") {
			hostField = f.value
			h.hosts++
			continue
		}
		h.take(r, &f)
	}
	switch {
	case h.hosts > 1:
		return "more than one Host"
	case h.hosts == 0 && !r.old:
		return "no Host"
	case !validHost(hostField), !validHost(r.Host):
		return "malformed Host"
	case h.repeated:
		return "more than one Origin or Authorization"
	}
	if r.Host == nil { // a target in absolute form comes before the field (RFC 9112 section 3.2.2)
		r.Host = hostField
	}
	return h.framing.judge(r)
}

const protocolField = "Sec-WebSocket-Protocol"

// take takes up one field.
func (h *upgrade) take(r *Request, f *field) {
	switch {
	case f.is("Upgrade"):
		h.websocket = h.websocket || listHas(f.value, "websocket")
	case f.is("Connection"):
		h.connection = h.connection || listHas(f.value, "upgrade")
		h.framing.close = h.framing.close || listHas(f.value, "close")
		h.framing.keepAlive = h.framing.keepAlive || listHas(f.value, "keep-alive")
	case f.is("Sec-WebSocket-Key"):
		r.Key = f.value
		h.keys++
	case f.is("Sec-WebSocket-Version"):
		h.version13 = string(f.value) == "13"
		h.versions++
	case f.is("Sec-WebSocket-Extensions"):
		p, err := deflate.Negotiate(f.value)
		h.extensions = h.extensions || err != nil
		if !r.Deflate.Agreed() {
			r.Deflate = p
		}
	case f.is(protocolField):
		r.protocols = true
		h.protocols = h.protocols || !eachElement(f.value, isToken)
	case f.is("Origin"):
		h.once(&r.Origin, f.value)
	case f.is("Authorization"):
		h.once(&r.Authorization, f.value)
	case f.is("Content-Length"):
		h.framing.addLength(f.value)
	case f.is("Transfer-Encoding"):
		h.framing.addCoding(f.value)
	}
}

// once takes up a field that may stand only once.
func (h *upgrade) once(into *[]byte, value []byte) {
	h.repeated = h.repeated || *into != nil
	*into = value
}

// judge decides on a request that asks for a WebSocket (RFC 6455 section 4.2.1).
func (h *upgrade) judge(r *Request) *Refusal {
	bad := func(why string) *Refusal { return refuse(http.StatusBadRequest, why) }
	switch {
	case string(r.Method) != http.MethodGet:
		return refuse(http.StatusMethodNotAllowed, "a WebSocket is opened with GET")
	case r.old:
		return bad("a WebSocket needs HTTP/1.1")
	case !h.websocket:
		return bad("Upgrade does not name websocket")
	case !h.connection:
		return bad("Connection does not name upgrade")
	case r.Length > 0, r.Chunked:
		return bad("a WebSocket request has no body")
	case !r.resource:
		return bad("request target names no resource")
	case len(r.Host) == 0:
		return bad("empty Host")
	case h.versions > 1:
		return bad("more than one Sec-WebSocket-Version")
	case !h.version13:
		return refuse(http.StatusUpgradeRequired, "Sec-WebSocket-Version must be 13")
	case h.keys != 1 || !validKey(r.Key):
		return bad("Sec-WebSocket-Key must stand once and be 16 bytes in base64")
	case r.Origin != nil && len(r.Origin) == 0: // "null" is an origin (RFC 6454 section 7.1), nothing is none
		return bad("empty Origin")
	case h.extensions:
		return bad("malformed Sec-WebSocket-Extensions")
	case h.protocols:
		return bad("malformed Sec-WebSocket-Protocol")
	}
	return nil
}

// keyBytes is the size of a key in base64.
const keyBytes = 24

func validKey(key []byte) bool {
	var nonce [keyBytes / 4 * 3]byte
	if len(key) != keyBytes {
		return false
	}
	n, err := base64.StdEncoding.Decode(nonce[:], key)
	return err == nil && n == 16
}
