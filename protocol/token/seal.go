package token

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash"
)

// seal checks HS256 tokens, one at a time, in memory of its own: to make what knows the
// secret is dearer than the signature of a token, and those who come all at once leave
// no garbage.
type seal struct {
	mac    hash.Hash
	text   []byte // what is signed, and the token's payload behind it
	sum    []byte
	given  []byte // a signature
	claims claims
}

func newSeal(secret []byte) *seal { return &seal{mac: hmac.New(sha256.New, secret)} }

// signed reports whether a signature, in base64, is that of the text by the secret.
func (s *seal) signed(text, signature string) bool {
	s.text = append(s.text[:0], signature...)
	var err error
	if s.given, err = base64.RawURLEncoding.AppendDecode(s.given[:0], s.text); err != nil {
		return false
	}
	s.text = append(s.text[:0], text...)
	s.mac.Reset()
	_, _ = s.mac.Write(s.text) // it never fails
	s.sum = s.mac.Sum(s.sum[:0])
	return hmac.Equal(s.sum, s.given)
}

// read reads a payload, in base64, into the claims.
func (s *seal) read(payload string) bool {
	s.claims = claims{}
	s.text = append(s.text[:0], payload...)
	var err error
	if s.text, err = base64.RawURLEncoding.AppendDecode(s.text, s.text); err != nil {
		return false
	}
	object := s.text[len(payload):]
	return json.Valid(object) && s.claims.UnmarshalJSON(bytes.Trim(object, jsonSpace)) == nil
}

// jsonSpace may stand around a JSON text.
const jsonSpace = " \t\r\n"
