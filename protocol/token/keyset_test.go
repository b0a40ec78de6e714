package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// withMembers puts members, as they are written, before those of a set.
func withMembers(t *testing.T, set []byte, members ...string) []byte {
	t.Helper()
	var parsed struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(set, &parsed); err != nil {
		t.Fatal(err)
	}
	var all []json.RawMessage
	for _, m := range members {
		all = append(all, json.RawMessage(m))
	}
	text, err := json.Marshal(map[string]any{"keys": append(all, parsed.Keys...)})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// oddMembers are members that cannot be read. Where one has a kid, it is odd.
var oddMembers = map[string]string{
	"garbage in x5c":    `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"odd","x5c":["garbage"]}`,
	"x5c is a text":     `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"odd","x5c":"garbage"}`,
	"x5u over http":     `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"odd","x5u":"http://a"}`,
	"an unknown use":    `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"odd","use":"tls"}`,
	"a short key":       `{"kty":"OKP","crv":"Ed25519","x":"AA","kid":"odd"}`,
	"no kty":            `{"kid":"odd"}`,
	"an unknown kty":    `{"kty":"AKP","alg":"ML-DSA-44","pub":"AA","kid":"odd"}`,
	"an unknown curve":  `{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA","kid":"odd"}`,
	"not on its curve":  `{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"odd"}`,
	"base64 that is no": `{"kty":"RSA","n":"%%","e":"AQAB","kid":"odd"}`,
	"kid is a number":   `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":7}`,
	"a number":          `7`,
	"a text":            `"key"`,
	"an array":          `[]`,
	"an empty object":   `{}`,
}

func TestAMemberThatCannotBeReadHarmsNoOther(t *testing.T) {
	for name, odd := range oddMembers {
		synctest.Test(t, func(t *testing.T) {
			k := testKeys()
			set := setOf(t, jwk{kid: "a", key: k.ed.Public()})
			v, logged := remoteVerifier(t, &endpoint{body: withMembers(t, set, odd)})
			mustAccept(t, v, name+": a good key", edToken(t, "a", k.ed))
			mustRefuse(t, v, name+": the odd one", edToken(t, "odd", k.otherEd), ReasonKey)
			time.Sleep(10 * jwksFreshFor)
			synctest.Wait()
			if n := strings.Count(logged.String(), "left out"); n != 1 {
				t.Errorf("%s: said %d times in ten answers: %s", name, n, logged)
			}
		})
	}
}

func TestASetInUseIsNotLostToANewMember(t *testing.T) {
	for name, odd := range oddMembers {
		synctest.Test(t, func(t *testing.T) {
			k := testKeys()
			good := setOf(t, jwk{kid: "a", key: k.ed.Public()})
			e := &endpoint{body: good}
			v, logged := remoteVerifier(t, e)
			bearer := edToken(t, "a", k.ed)
			mustAccept(t, v, name+": before", bearer)
			e.set(withMembers(t, good, odd), nil)
			time.Sleep(jwksFreshFor + time.Second)
			mustAccept(t, v, name+": beside the new member", bearer)
			e.set(withMembers(t, []byte(`{}`), odd), nil)
			time.Sleep(jwksFreshFor + time.Second)
			mustAccept(t, v, name+": where only the odd one is left", bearer)
			synctest.Wait()
			if !strings.Contains(logged.String(), "no member of the JWK Set can be read") {
				t.Errorf("%s: nobody was told of a set without a key: %s", name, logged)
			}
		})
	}
}

func TestWhatIsNoSetIsNotTakenForOne(t *testing.T) {
	for name, text := range map[string]string{
		"an error":     `{"error":"try later"}`,
		"null":         `null`,
		"keys null":    `{"keys":null}`,
		"keys a text":  `{"keys":"none"}`,
		"an array":     `[]`,
		"nothing":      ``,
		"an empty set": `{"keys":[]}`,
	} {
		if set, err := parseKeySet([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, set)
		}
	}
	many := make([]jwk, setKeysMax+10)
	for i := range many {
		many[i] = jwk{kid: fmt.Sprint(i), key: testKeys().ed.Public()}
	}
	many[0].kid = strings.Repeat("k", kidBytesMax+1)
	set, err := parseKeySet(setOf(t, many...))
	if err != nil || len(set.keys) != setKeysMax || len(set.odd) != 2 || !errors.Is(set.odd[0], errLongKid) || !errors.Is(set.odd[1], errManyKeys) {
		t.Errorf("a set of %d keys: %v, %v", len(many), err, set.odd)
	}
}

func TestKeysOfOneKidAreAllTried(t *testing.T) {
	k := testKeys()
	set, err := parseKeySet(setOf(t, jwk{kid: "a", key: k.rsa.Public()}, jwk{kid: "a", key: k.ed.Public()},
		jwk{kid: "a", key: k.otherEd.Public()}, jwk{kid: "b", key: k.ed.Public()}, jwk{key: k.ec.Public()}, jwk{key: k.ed.Public(), use: jwkset.UseEnc}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method jwt.SigningMethod
		header map[string]any
		keys   int
		found  bool
	}{
		{jwt.SigningMethodEdDSA, map[string]any{"kid": "a"}, 2, true},
		{jwt.SigningMethodRS256, map[string]any{"kid": "a"}, 1, true},
		{jwt.SigningMethodES256, map[string]any{"kid": "a"}, 0, true},
		{jwt.SigningMethodEdDSA, map[string]any{"kid": "c"}, 0, false},
		{jwt.SigningMethodEdDSA, map[string]any{"kid": 5}, 0, true},
		{jwt.SigningMethodEdDSA, nil, 3, true},
		{jwt.SigningMethodES256, nil, 1, true},
	} {
		keys, found := set.find(&jwt.Token{Method: c.method, Header: c.header})
		if len(keys) != c.keys || found != c.found {
			t.Errorf("%s, %v: %d keys, found %v; want %d, %v", c.method.Alg(), c.header, len(keys), found, c.keys, c.found)
		}
	}
}

// TestFewKeysAreTriedWithOneToken: anybody can make a token, and each key that it may fit
// is work. Where the set has many, a token must name its key, and be the only one with
// that name.
func TestFewKeysAreTriedWithOneToken(t *testing.T) {
	k := testKeys()
	others := func(n int, kid func(int) string) (keys []jwk) {
		for i := range n {
			keys = append(keys, jwk{kid: kid(i), key: k.rsa.Public()})
		}
		return append(keys, jwk{kid: "d", key: k.ed.Public()})
	}
	for _, c := range []struct {
		name   string
		keys   []jwk
		kid    any // nil: none
		tried  int
		crowds bool
	}{
		{"no kid, few keys", others(triedMax, func(i int) string { return fmt.Sprint(i) }), nil, triedMax, false},
		{"no kid, many keys", others(triedMax+1, func(i int) string { return fmt.Sprint(i) }), nil, 0, true},
		{"no kid, as many as there can be", others(setKeysMax-1, func(i int) string { return fmt.Sprint(i) }), nil, 0, true},
		{"a kid, as many as there can be", others(setKeysMax-1, func(i int) string { return fmt.Sprint(i) }), "7", 1, true},
		{"a kid that many share", others(setKeysMax-1, func(int) string { return "same" }), "same", 0, true},
		{"a kid that few share", others(2, func(int) string { return "same" }), "same", 2, false},
		{"no kid, and keys without", others(setKeysMax-1, func(int) string { return "" }), nil, 0, true},
		{"an empty kid", others(setKeysMax-1, func(int) string { return "" }), "", 0, true},
	} {
		set, err := parseKeySet(setOf(t, c.keys...))
		if err != nil {
			t.Fatal(err)
		}
		bearer := &jwt.Token{Method: jwt.SigningMethodRS256, Header: map[string]any{}}
		if c.kid != nil {
			bearer.Header["kid"] = c.kid
		}
		if keys, found := set.find(bearer); len(keys) != c.tried || !found {
			t.Errorf("%s: %d keys, found %v", c.name, len(keys), found)
		}
		if crowded := set.crowded(); (crowded == "RS256") != c.crowds {
			t.Errorf("%s: crowded %q", c.name, crowded)
		}
		bearer.Method, bearer.Header = jwt.SigningMethodEdDSA, map[string]any{} // another algorithm is not concerned
		if keys, _ := set.find(bearer); len(keys) != 1 {
			t.Errorf("%s: %d keys of another algorithm", c.name, len(keys))
		}
	}
}

// TestTokensMustNameTheirKeyWhereThereAreMany: the log says it once, and a token without a
// name costs no verification.
func TestTokensMustNameTheirKeyWhereThereAreMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		keys := []jwk{{kid: "good", key: k.ed.Public()}}
		for i := range triedMax {
			keys = append(keys, jwk{kid: fmt.Sprint(i), key: k.otherEd.Public()})
		}
		v, logged := remoteVerifier(t, &endpoint{body: setOf(t, keys...)})
		mustAccept(t, v, "a kid", edToken(t, "good", k.ed))
		mustRefuse(t, v, "no kid", signed(t, jwt.SigningMethodEdDSA, k.ed, goodClaims("exp", time.Now().Add(time.Hour).Unix())), ReasonKey)
		time.Sleep(10 * jwksFreshFor)
		synctest.Wait()
		mustAccept(t, v, "a kid, later", edToken(t, "good", k.ed))
		if n := strings.Count(logged.String(), "without a kid are refused"); n != 1 {
			t.Errorf("said %d times: %s", n, logged)
		}
	})
}

// TestNoPasswordOfTheEndpointIsLogged looks at each way in which asking fails.
func TestNoPasswordOfTheEndpointIsLogged(t *testing.T) {
	for name, fail := range map[string]func(*endpoint){
		"no connection": func(e *endpoint) { e.err = errors.New("connection refused") },
		"no answer":     func(e *endpoint) { e.takes = time.Hour },
		"no set":        func(e *endpoint) { e.body = []byte("<html>") },
		"too long":      func(e *endpoint) { e.body = bytes.Repeat([]byte(" "), jwksBytesMax+1) },
		"an odd member": func(e *endpoint) { e.body = []byte(`{"keys":[{},{"kty":"oct","k":"AA"}]}`) },
		"status 403":    func(e *endpoint) { e.status = 403 },
		"a redirect":    func(e *endpoint) { e.status = 302 },
	} {
		synctest.Test(t, func(t *testing.T) {
			e := &endpoint{}
			fail(e)
			_, logged := remoteVerifier(t, e)
			time.Sleep(time.Minute)
			synctest.Wait()
			if logged.Len() == 0 || !strings.Contains(logged.String(), "url=https://id.example.com/keys ") {
				t.Errorf("%s: the log does not name the endpoint: %s", name, logged)
			}
			if strings.Contains(logged.String(), "hunter2") || strings.Contains(logged.String(), "caravan:") {
				t.Errorf("%s: the log has what is secret: %s", name, logged)
			}
		})
	}
	for _, address := range []string{"https://caravan:hunter2@id:abc/", "https://caravan:hunter2@/keys", "https://caravan:hunter2@:443/", "ftp://caravan:hunter2@id/"} {
		if _, err := New(t.Context(), Config{JWKSURL: address}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
