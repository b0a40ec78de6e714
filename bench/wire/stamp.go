package wire

// Stamp is what the harness writes into the client_id of each message, so that
// whoever receives the message knows which run and connection sent it, and when
// it was meant to be sent. No two messages of one connection have the same At.
type Stamp struct {
	Run  uint32 // random for each run: a server may keep the messages of earlier ones
	Conn uint32 // less than 1<<24
	At   int64  // nanoseconds since the run began, less than 1<<48 (78 hours)
}

// stampBytes is the length of every stamp's text: "cb", then fixed-width hex.
const (
	stampBytes = 2 + 8 + 6 + 12
	hexDigits  = "0123456789abcdef"
)

// put writes the stamp's text into the first stampBytes of p.
func (s Stamp) put(p []byte) {
	_ = p[stampBytes-1]
	p[0], p[1] = 'c', 'b'
	putHex(p[2:10], uint64(s.Run))
	putHex(p[10:16], uint64(s.Conn))
	putHex(p[16:28], uint64(s.At))
}

// String is the stamp's text.
func (s Stamp) String() string {
	var text [stampBytes]byte
	s.put(text[:])
	return string(text[:])
}

// ParseStamp reads a stamp; false if the text is no stamp of a harness.
func ParseStamp(p []byte) (Stamp, bool) {
	if len(p) != stampBytes || p[0] != 'c' || p[1] != 'b' {
		return Stamp{}, false
	}
	run, ok1 := hex(p[2:10])
	conn, ok2 := hex(p[10:16])
	at, ok3 := hex(p[16:28])
	return Stamp{Run: uint32(run), Conn: uint32(conn), At: int64(at)}, ok1 && ok2 && ok3
}

func putHex(p []byte, v uint64) {
	for i := len(p) - 1; i >= 0; i-- {
		p[i] = hexDigits[v&0xf]
		v >>= 4
	}
}

func hex(p []byte) (v uint64, ok bool) {
	for _, c := range p {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}
