package token

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

const (
	setKeysMax  = 64  // keys of a set; more are left out
	triedMax    = 4   // keys that one token is tried with; a token that more of a set may fit is refused
	kidBytesMax = 256 // of a key's name
)

var (
	errManyKeys = fmt.Errorf("more than %d keys", setKeysMax)
	errLongKid  = fmt.Errorf("a kid of more than %d bytes", kidBytesMax)
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
// is no set, and where it has no member that can be read: then the set before stays in
// use, since an issuer without any key is more likely one in trouble.
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
		if len(set.keys) == setKeysMax {
			set.odd = append(set.odd, fmt.Errorf("from member %d on: %w", i+1, errManyKeys))
			break
		}
		k, err := parseSetKey(m)
		if err != nil {
			set.odd = append(set.odd, fmt.Errorf("member %d, kid %.50q: %w", i+1, k.kid, err))
			continue
		}
		set.keys = append(set.keys, k)
	}
	if len(members.Keys) == 0 {
		return nil, errors.New("the JWK Set is empty")
	}
	if len(set.keys) == 0 {
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
	if len(k.kid) > kidBytesMax {
		return k, errLongKid
	}
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

// crowded returns an algorithm for which the set has more keys than a token without a kid
// is tried with; empty where there is none.
func (s *keySet) crowded() string {
	count := make(map[string]int)
	for _, k := range s.keys {
		if count[k.algorithm]++; k.algorithm != "" && count[k.algorithm] > triedMax {
			return k.algorithm
		}
	}
	return ""
}

// find returns what may verify t: the keys that its kid names, or all of them if
// it names none, as far as they are for its algorithm. Anybody can make a token, and
// each key that is tried costs; so where there are more than triedMax there is none. An
// issuer must name the key where it has several (OpenID Connect Core, section 10.1), and
// most libraries take no token that does not. found is false where a newer set may know
// more.
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
	if len(keys) > triedMax {
		return nil, true
	}
	return keys, found
}
