package token

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// endpoint is a JWKS endpoint of a test: what it answers may change, and every
// question is counted.
type endpoint struct {
	mu        sync.Mutex
	body      []byte
	status    int   // 0: 200
	err       error // instead of an answer
	takes     time.Duration
	questions atomic.Int64
}

func (e *endpoint) set(body []byte, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.body, e.err = body, err
}

// RoundTrip answers without a network, so that synctest's clock governs.
func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	e.questions.Add(1)
	e.mu.Lock()
	body, status, err, takes := e.body, e.status, e.err, e.takes
	e.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if err != nil {
		return nil, err
	}
	if status == 0 {
		status = http.StatusOK
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

// jwk describes one key of a set.
type jwk struct {
	kid string
	key any
	alg jwkset.ALG
	use jwkset.USE
}

func setOf(t testing.TB, keys ...jwk) []byte {
	t.Helper()
	var set jwkset.JWKSMarshal
	for _, k := range keys {
		made, err := jwkset.NewJWKFromKey(k.key, jwkset.JWKOptions{
			Metadata: jwkset.JWKMetadataOptions{KID: k.kid, ALG: k.alg, USE: k.use},
			Marshal:  jwkset.JWKMarshalOptions{Private: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, made.Marshal())
	}
	body, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// remoteVerifier returns a Verifier that has only the endpoint's keys, and what
// it logs.
func remoteVerifier(t *testing.T, e *endpoint) (*Verifier, *bytes.Buffer) {
	t.Helper()
	logged := &bytes.Buffer{}
	c := Config{JWKSURL: "https://caravan:hunter2@id.example.com/keys?key=hunter2"}
	address, err := parseJWKSURL(c.JWKSURL)
	if err != nil {
		t.Fatal(err)
	}
	v := &Verifier{
		algorithms: publicAlgorithms,
		parser:     c.parser(publicAlgorithms),
		remote:     startJWKS(t.Context(), address, slog.New(slog.NewTextHandler(logged, nil)), e),
	}
	t.Cleanup(v.Close)
	return v, logged
}

func edToken(t testing.TB, kid string, key crypto.PrivateKey) string {
	t.Helper()
	return signed(t, jwt.SigningMethodEdDSA, key, goodClaims("exp", time.Now().Add(24*time.Hour).Unix()), "kid", kid)
}

func TestKeysOverHTTP(t *testing.T) {
	k := testKeys()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(setOf(t, jwk{kid: "r", key: k.rsa.Public()}, jwk{kid: "e", key: k.ec.Public()},
			jwk{kid: "d", key: k.ed.Public(), alg: jwkset.AlgEdDSA, use: jwkset.UseSig}))
	}))
	defer server.Close()
	v := verifier(t, Config{JWKSURL: server.URL, Secret: secret})
	mustAccept(t, v, "RS256", signed(t, jwt.SigningMethodRS256, k.rsa, goodClaims(), "kid", "r"))
	mustAccept(t, v, "ES256", signed(t, jwt.SigningMethodES256, k.ec, goodClaims(), "kid", "e"))
	mustAccept(t, v, "EdDSA", edToken(t, "d", k.ed))
	mustAccept(t, v, "HS256 beside them", hs256(t))
	mustAccept(t, v, "no kid", signed(t, jwt.SigningMethodEdDSA, k.ed, goodClaims()))
	mustRefuse(t, v, "another key of that kid", edToken(t, "d", k.otherEd), ReasonSignature)
	mustRefuse(t, v, "a kid of another algorithm", edToken(t, "r", k.ed), ReasonKey)
	mustRefuse(t, v, "no kid, no such key", signed(t, jwt.SigningMethodEdDSA, k.otherEd, goodClaims()), ReasonSignature)
	mustRefuse(t, v, "RS384", signed(t, jwt.SigningMethodRS384, k.rsa, goodClaims(), "kid", "r"), ReasonAlgorithm)
}

func TestKeysThatDoNotFitAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		e := &endpoint{body: setOf(t,
			jwk{kid: "oct", key: secret},
			jwk{kid: "384", key: k.ec384.Public()},
			jwk{kid: "enc", key: k.ed.Public(), use: jwkset.UseEnc},
			jwk{kid: "private", key: k.otherEd},
		)}
		v, _ := remoteVerifier(t, e)
		mustRefuse(t, v, "a secret of the set", signed(t, jwt.SigningMethodHS256, secret, goodClaims(), "kid", "oct"), ReasonAlgorithm)
		mustRefuse(t, v, "EdDSA with the kid of a secret", edToken(t, "oct", k.ed), ReasonKey)
		mustRefuse(t, v, "ES256 with a P-384 key", signed(t, jwt.SigningMethodES256, k.ec, goodClaims(), "kid", "384"), ReasonKey)
		mustRefuse(t, v, "a key for encryption", edToken(t, "enc", k.ed), ReasonKey)
		mustAccept(t, v, "a private key's public half", edToken(t, "private", k.otherEd))
		token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, goodClaims())
		token.Header["kid"] = 5
		bearer, err := token.SignedString(k.ed)
		if err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, v, "a kid that is a number", bearer, ReasonKey)
	})
}

// mustNotJudge checks that nobody says of a token whether it is good.
func mustNotJudge(t *testing.T, v *Verifier, name, bearer string) {
	t.Helper()
	if _, err := v.Verify(t.Context(), bearer); !errors.Is(err, ErrKeysAway) || errors.Is(err, ErrInvalid) {
		t.Errorf("%s: %v, want %v", name, err, ErrKeysAway)
	}
}

func TestRotationRefetchesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		e := &endpoint{body: setOf(t, jwk{kid: "old", key: k.ed.Public()}), takes: 100 * time.Millisecond}
		v, _ := remoteVerifier(t, e)
		mustAccept(t, v, "the old key", edToken(t, "old", k.ed))
		if n := e.questions.Load(); n != 1 {
			t.Fatalf("%d questions at the start", n)
		}
		time.Sleep(jwksPause)
		e.set(setOf(t, jwk{kid: "new", key: k.otherEd.Public()}), nil)
		fresh := edToken(t, "new", k.otherEd)
		var wait sync.WaitGroup
		for range 100 { // a fleet comes with the new key at once: one question serves all
			wait.Go(func() { mustAccept(t, v, "the new key", fresh) })
		}
		wait.Wait()
		if n := e.questions.Load(); n != 2 {
			t.Fatalf("%d questions after the rotation", n)
		}
		mustRefuse(t, v, "the old key, gone", edToken(t, "old", k.ed), ReasonKey)
	})
}

func TestUnknownKeysAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		e := &endpoint{body: setOf(t, jwk{kid: "good", key: k.ed.Public()}), takes: time.Second}
		v, _ := remoteVerifier(t, e)
		mustAccept(t, v, "a good one", edToken(t, "good", k.ed))
		bad := edToken(t, "bad", k.ed)
		start := time.Now()
		for range 1000 {
			mustRefuse(t, v, "an unknown kid", bad, ReasonKey)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("those who come too early waited %v", took)
		}
		if n := e.questions.Load(); n != 1 {
			t.Errorf("%d questions", n)
		}
		for time.Since(start) < 10*jwksPause {
			mustRefuse(t, v, "an unknown kid", bad, ReasonKey)
			time.Sleep(100 * time.Millisecond)
		}
		if n := e.questions.Load(); n < 8 || n > 11 {
			t.Errorf("%d questions in %v", n, time.Since(start))
		}
		mustAccept(t, v, "a good one in between", edToken(t, "good", k.ed))
	})
}

func TestEndpointDownAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		e := &endpoint{err: errors.New("connection refused")}
		v, logged := remoteVerifier(t, e)
		mustNotJudge(t, v, "while it is down", edToken(t, "a", k.ed))
		mustRefuse(t, v, "no access token, whatever its key", edToken(t, "a", k.ed)[1:], ReasonMalformed)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := strings.Count(logged.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings: %s", n, logged)
		}
		e.set(setOf(t, jwk{kid: "a", key: k.ed.Public()}), nil)
		time.Sleep(jwksPause)
		synctest.Wait()
		mustAccept(t, v, "when it is back", edToken(t, "a", k.ed))
		if !strings.Contains(logged.String(), "answers again") {
			t.Errorf("its return was not logged: %s", logged)
		}
	})
}

func TestEndpointThatHangsHoldsNobodyForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		e := &endpoint{takes: 24 * time.Hour}
		start := time.Now()
		v, _ := remoteVerifier(t, e)
		if took := time.Since(start); took != 0 {
			t.Errorf("the start took %v", took)
		}
		if _, err := v.VerifyNow(edToken(t, "a", k.ed)); ReasonOf(err) != ReasonKey || time.Since(start) != 0 {
			t.Errorf("one that does not wait, after %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := v.Verify(ctx, edToken(t, "a", k.ed)); !errors.Is(err, ErrKeysAway) || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		mustNotJudge(t, v, "one with time", edToken(t, "a", k.ed))
		if took := time.Since(start); took != jwksAnswerWait {
			t.Errorf("it took %v", took)
		}
	})
}

func TestEndpointDownLaterLeavesKnownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		e := &endpoint{body: setOf(t, jwk{kid: "a", key: k.ed.Public()})}
		v, _ := remoteVerifier(t, e)
		good := edToken(t, "a", k.ed)
		mustAccept(t, v, "at first", good)
		e.set(nil, errors.New("connection reset"))
		time.Sleep(jwksFreshFor) // from here on it is asked again after each pause
		for name, fail := range map[string]func(){
			"error":       func() { e.set(nil, errors.New("no route to host")) },
			"no JSON":     func() { e.set([]byte("<html>"), nil) },
			"a huge body": func() { e.set(append(bytes.Repeat([]byte(" "), jwksBytesMax), "{}"...), nil) },
			"a bad key":   func() { e.set([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","kid":"a"}]}`), nil) },
		} {
			fail()
			before := e.questions.Load()
			time.Sleep(2 * jwksPause)
			synctest.Wait()
			if e.questions.Load() == before {
				t.Errorf("%s: nobody asked", name)
			}
			start := time.Now()
			mustAccept(t, v, name, good)
			if time.Since(start) != 0 {
				t.Errorf("%s: a known key waits", name)
			}
			mustNotJudge(t, v, name, edToken(t, "new", k.otherEd))
			mustRefuse(t, v, name, edToken(t, "a", k.otherEd), ReasonSignature)
		}
	})
}

func TestRevokedKeyGoesWithTheNextSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		e := &endpoint{body: setOf(t, jwk{kid: "a", key: k.ed.Public()})}
		v, _ := remoteVerifier(t, e)
		bearer := edToken(t, "a", k.ed)
		mustAccept(t, v, "before", bearer)
		e.set(setOf(t, jwk{kid: "b", key: k.otherEd.Public()}), nil)
		time.Sleep(jwksFreshFor + time.Second)
		synctest.Wait()
		mustRefuse(t, v, "after", bearer, ReasonKey)
	})
}

func TestCloseLetsWaitersGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		v, logged := remoteVerifier(t, &endpoint{takes: time.Hour})
		var wait sync.WaitGroup
		wait.Go(func() { mustNotJudge(t, v, "a waiter", edToken(t, "a", k.ed)) })
		synctest.Wait()
		v.Close()
		wait.Wait()
		mustNotJudge(t, v, "one who comes after", edToken(t, "a", k.ed))
		if logged.Len() > 0 {
			t.Errorf("the end was logged as a failure: %s", logged)
		}
	})
}
