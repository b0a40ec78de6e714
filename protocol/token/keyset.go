package token

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// keySet is what one answer of a JWKS endpoint holds. It does not change.
type keySet struct {
	keys []setKey
	odd  []error // why members are left out
}

// setKey is one member of a set.
type setKey struct {
	kid       string           // empty: none
	algorithm string           // that the key may verify; empty: none of ours
	key       crypto.PublicKey // nil where algorithm is empty
}

// parseKeySet reads a JWK Set (RFC 7517, section 5). Members are read one by one:
// one that cannot be read is left out and harms no other. It fails where the text
// is no set, and where a set has members of which none can be read.
func parseKeySet(text []byte) (*keySet, error) {
	var members struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("the answer is no JWK Set: %w", err)
	}
	if members.Keys == nil {
		return nil, errors.New(`the answer is no JWK Set: no "keys" in it`)
	}
	set := &keySet{}
	for i, m := range members.Keys {
		k, err := parseSetKey(m)
		if err != nil {
			set.odd = append(set.odd, fmt.Errorf("member %d, kid %q: %w", i+1, k.kid, err))
			continue
		}
		set.keys = append(set.keys, k)
	}
	if len(set.keys) == 0 && len(set.odd) > 0 {
		return nil, fmt.Errorf("no member of the JWK Set can be read: %w", set.odd[0])
	}
	return set, nil
}

// parseSetKey reads one member. A key that is good but not for us has no algorithm.
func parseSetKey(text []byte) (setKey, error) {
	var m jwkset.JWKMarshal
	if err := json.Unmarshal(text, &m); err != nil {
		return setKey{kid: m.KID}, err
	}
	k := setKey{kid: m.KID}
	parsed, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{Private: true}, jwkset.JWKValidateOptions{})
	if err != nil {
		return k, err
	}
	key := parsed.Key()
	if private, ok := key.(interface{ Public() crypto.PublicKey }); ok {
		key = private.Public()
	}
	algorithm, err := algorithmOf(key)
	fits := err == nil && (m.ALG == "" || m.ALG.String() == algorithm) && (m.USE == "" || m.USE == jwkset.UseSig)
	if fits {
		k.algorithm, k.key = algorithm, key
	}
	return k, nil
}

// find returns what may verify t: the keys that its kid names, or all of them if
// it names none, as far as they are for its algorithm. found is false where a
// newer set may know more.
func (s *keySet) find(t *jwt.Token) (keys []crypto.PublicKey, found bool) {
	named, ok := t.Header[jwkset.HeaderKID]
	kid, isText := named.(string)
	if ok && !isText {
		return nil, true
	}
	found = !ok
	for _, k := range s.keys {
		if ok && k.kid != kid {
			continue
		}
		found = true
		if k.algorithm == t.Method.Alg() {
			keys = append(keys, k.key)
		}
	}
	return keys, found
}
