package backplane

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"sync"

	"github.com/google/uuid"
)

// A key signs what the nodes of a deployment tell one another under one prefix. It is
// made of the deployment's secret, of the deployment's id and of the prefix, so what
// was signed for another one does not fit.

// keyID names a key, so that a reader finds the right one while they change.
type keyID [4]byte

// key is safe for concurrent use.
type key struct {
	id      keyID
	signers sync.Pool // of *signer
}

// signer makes one code at a time.
type signer struct {
	mac hash.Hash
	sum [sha256.Size]byte
}

const (
	keyBytes       = sha256.Size
	macBytes       = 16 // of the 32 of HMAC-SHA-256
	secretBytesMin = 16
)

// newKey derives the key.
func newKey(secret []byte, deployment uuid.UUID, of names) (*key, error) {
	if len(secret) < secretBytesMin {
		return nil, fmt.Errorf("the deployment's secret has %d bytes, not %d or more", len(secret), secretBytesMin)
	}
	derived, err := hkdf.Key(sha256.New, secret, deployment[:], "caravan backplane "+string(of), keyBytes)
	if err != nil {
		return nil, cause("key", err)
	}
	k := &key{signers: sync.Pool{New: func() any { return &signer{mac: hmac.New(sha256.New, derived)} }}}
	sum := sha256.Sum256(derived)
	copy(k.id[:], sum[:])
	return k, nil
}

// appendCode appends the code of p to it.
func (k *key) appendCode(p []byte) []byte {
	s := k.signers.Get().(*signer)
	defer k.signers.Put(s)
	return append(p, s.code(p)...)
}

// fits says whether code is that of p.
func (k *key) fits(p, code []byte) bool {
	s := k.signers.Get().(*signer)
	defer k.signers.Put(s)
	return hmac.Equal(s.code(p), code)
}

// code returns the code of p, until the next call.
func (s *signer) code(p []byte) []byte {
	s.mac.Reset()
	s.mac.Write(p)
	return s.mac.Sum(s.sum[:0])[:macBytes]
}
