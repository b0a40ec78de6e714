package backplane

import (
	"encoding/binary"
	"errors"
	"time"
)

// What the nodes of a deployment tell one another is signed: whoever else may publish
// in the same Redis must not speak for a user. A signed envelope has the highest bit
// of its version set, and between body and checksum
//
//	when it was signed (8 bytes, little endian: milliseconds since 1970), id of the key (4), code (16)
//
// The code, an HMAC, is over everything before it: the room and the node as well. An
// envelope that is recorded and published again later is stale. Before that it does no
// harm: events have numbers, and are told once.
//
// To nodes of builds before this the version is a newer one, so they read the room from
// the database. What those send has no signature: it says which room to look at.
const (
	signed         = 0x80
	signatureBytes = 8 + len(keyID{}) + macBytes
)

// Why an envelope is not believed. What it tells is read from the database.
var (
	errUnsigned   = errors.New("an envelope without a signature")
	errUnknownKey = errors.New("an envelope signed with an unknown key")
	errForged     = errors.New("an envelope whose signature is wrong")
	errStale      = errors.New("an envelope that was signed at another time")
)

// sign signs an envelope in place and returns it.
func (k *key) sign(p []byte, now time.Time) []byte {
	p = p[:len(p)-sumBytes]
	p[len(magic)] |= signed
	p = binary.LittleEndian.AppendUint64(p, uint64(now.UnixMilli()))
	p = append(p, k.id[:]...)
	return seal(k.appendCode(p))
}

// verify takes the signature off a body whose checksum was right, and says why it is
// not believed. With errStale, too, it returns the body.
func (r *keyRing) verify(p []byte, now time.Time) (body []byte, err error) {
	body, at, err := r.authentic(p, now)
	if err == nil && now.Sub(at).Abs() > signatureLife {
		return body, errStale
	}
	return body, err
}

// authentic is verify for what may have been signed at any time, which it returns.
func (r *keyRing) authentic(p []byte, now time.Time) (body []byte, at time.Time, err error) {
	body = p[:max(headerBytes, len(p)-signatureBytes)]
	switch signature := p[len(body):]; {
	case p[len(magic)]&signed == 0:
		return nil, at, errUnsigned
	case len(signature) < signatureBytes:
		return nil, at, errMalformed
	default:
		k := r.find(keyID(signature[8:]), now)
		if k == nil {
			return nil, at, errUnknownKey
		}
		if before := len(p) - macBytes; !k.fits(p[:before], p[before:]) {
			return nil, at, errForged
		}
		return body, time.UnixMilli(int64(binary.LittleEndian.Uint64(signature))), nil
	}
}
