package attachment

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// Path is where attachments stand in the API.
const Path = "/api/v1/chat/attachments/"

// signatureBytes is how much of an HMAC-SHA256 a link has.
const signatureBytes = 16

var encoding = base64.RawURLEncoding

// Links makes and checks links. It is a protocol.Links.
type Links struct {
	base string // before Path: empty, or the public address
	half int64  // of the time that a link works, in seconds
	macs sync.Pool
	now  func() time.Time
}

// NewLinks returns links that are signed with a key and work for at least ttl. base is what
// stands before their path.
func NewLinks(key []byte, base string, ttl time.Duration) *Links {
	key = append([]byte{}, key...)
	l := &Links{base: base, half: max(1, int64(ttl/time.Second)/2), now: time.Now}
	l.macs.New = func() any { return &signer{mac: hmac.New(sha256.New, key)} }
	return l
}

// End implements protocol.Links: it is the same for half the time, so that bytes which many are
// told stay the same.
func (l *Links) End() int64 {
	end := l.now().Unix() + 2*l.half
	return (end + l.half - 1) / l.half * l.half
}

// AppendLink implements protocol.Links.
func (l *Links) AppendLink(dst []byte, a *protocol.Attachment, end int64) []byte {
	dst = append(append(dst, l.base...), Path...)
	dst = appendID(dst, a.ID)
	dst = appendEscaped(append(dst, '/'), a.Name)
	dst = strconv.AppendInt(append(dst, "?e="...), end, 10)
	var s [signatureBytes]byte
	l.sign(&s, a.ID, end)
	return encoding.AppendEncode(append(dst, "&s="...), s[:])
}

// Works reports whether a link with that end and signature works now. It takes as long for a
// wrong signature as for a right one.
func (l *Links) Works(id uuid.UUID, end, signature string) bool {
	e, err := strconv.ParseInt(end, 10, 64)
	if err != nil || strconv.FormatInt(e, 10) != end {
		return false
	}
	given, err := encoding.Strict().DecodeString(signature)
	var s [signatureBytes]byte
	l.sign(&s, id, e)
	return err == nil && hmac.Equal(given, s[:]) && e > l.now().Unix()
}

// sign is the beginning of the HMAC of ID|END.
func (l *Links) sign(into *[signatureBytes]byte, id uuid.UUID, end int64) {
	s := l.macs.Get().(*signer)
	s.mac.Reset()
	_, _ = s.mac.Write(strconv.AppendInt(append(appendID(s.text[:0], id), '|'), end, 10)) // never fails
	copy(into[:], s.mac.Sum(s.sum[:0]))
	l.macs.Put(s)
}

// signer is what a signature needs, to be used again.
type signer struct {
	mac  hash.Hash
	text [64]byte
	sum  [sha256.Size]byte
}

func appendID(dst []byte, id uuid.UUID) []byte {
	var text [36]byte
	encodeID(&text, id)
	return append(dst, text[:]...)
}

const hexDigits = "0123456789abcdef"

// encodeID writes an id with its hyphens.
func encodeID(into *[36]byte, id uuid.UUID) {
	at := 0
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			into[at] = '-'
			at++
		}
		into[at], into[at+1] = hexDigits[b>>4], hexDigits[b&15]
		at += 2
	}
}

// appendEscaped appends a name as a part of a path that needs no escape anywhere else: all but
// letters, digits and what RFC 3986 calls unreserved.
func appendEscaped(dst []byte, name string) []byte {
	const upperDigits = "0123456789ABCDEF"
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
			dst = append(dst, c)
		default:
			dst = append(dst, '%', upperDigits[c>>4], upperDigits[c&15])
		}
	}
	return dst
}
