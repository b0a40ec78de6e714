package token

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
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
		validator:  jwt.NewValidator(c.options(publicAlgorithms)...),
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
		mustRefuse(t, v, "an unknown kid, for which the endpoint is asked", bad, ReasonKey)
		start := time.Now()
		for range 1000 {
			mustRefuse(t, v, "the same kid", bad, ReasonKey)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("those who name the same kid waited %v", took)
		}
		if n := e.questions.Load(); n != 2 {
			t.Errorf("%d questions", n)
		}
		for time.Since(start) < 10*jwksPause {
			mustRefuse(t, v, "an unknown kid", bad, ReasonKey)
			time.Sleep(100 * time.Millisecond)
		}
		if n := e.questions.Load(); n < 8 || n > 12 {
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

// TestGarbageDoesNotKeepARotationOut: whoever names kids at random costs the endpoint few
// questions, and a token of a key that is new is never refused for it: at worst it is
// judged a little later.
func TestGarbageDoesNotKeepARotationOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		e := &endpoint{body: setOf(t, jwk{kid: "old", key: k.ed.Public()}), takes: 100 * time.Millisecond}
		v, _ := remoteVerifier(t, e)
		mustAccept(t, v, "the old key", edToken(t, "old", k.ed))
		begun, before := time.Now(), e.questions.Load()
		attack, stop := context.WithCancel(t.Context())
		var attackers sync.WaitGroup
		for a := range 4 {
			attackers.Go(func() {
				for i := 0; attack.Err() == nil; i++ {
					if _, err := v.Verify(attack, edToken(t, fmt.Sprint("garbage ", a, " ", i), k.ed)); err == nil {
						t.Error("garbage is accepted")
					}
					time.Sleep(5 * time.Millisecond)
				}
			})
		}
		time.Sleep(jwksPause + time.Second) // all that may be asked at once is asked
		e.set(setOf(t, jwk{kid: "old", key: k.ed.Public()}, jwk{kid: "new", key: k.otherEd.Public()}), nil)
		fresh, rotated := edToken(t, "new", k.otherEd), time.Now()
		for {
			_, err := v.Verify(t.Context(), fresh)
			if err == nil {
				break
			}
			if !errors.Is(err, ErrKeysAway) || time.Since(rotated) > jwksPause+time.Second {
				t.Fatalf("after %v: %v", time.Since(rotated), err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		stop()
		attackers.Wait()
		if n, most := e.questions.Load()-before, int64(time.Since(begun)/jwksPause)+jwksBurst+1; n > most {
			t.Errorf("%d questions in %v, want at most %d", n, time.Since(begun), most)
		}
	})
}

// A few questions may come at once: the first stranger's does not delay the rotation.
func TestOneStrangerDoesNotDelayARotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		e := &endpoint{body: setOf(t, jwk{kid: "old", key: k.ed.Public()})}
		v, _ := remoteVerifier(t, e)
		mustRefuse(t, v, "a stranger", edToken(t, "strange", k.ed), ReasonKey)
		e.set(setOf(t, jwk{kid: "new", key: k.otherEd.Public()}), nil)
		mustAccept(t, v, "the new key, at once", edToken(t, "new", k.otherEd))
	})
}

// A key that is published while a question is under way may be missed by that one.
func TestAQuestionUnderWayIsNotTheLastWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		e := &endpoint{body: setOf(t, jwk{kid: "old", key: k.ed.Public()}), takes: time.Second}
		v, _ := remoteVerifier(t, e)
		mustAccept(t, v, "the old key", edToken(t, "old", k.ed))
		var first sync.WaitGroup
		first.Go(func() { mustRefuse(t, v, "a stranger", edToken(t, "strange", k.ed), ReasonKey) })
		time.Sleep(time.Second / 2) // the stranger's question has read the set as it was
		e.set(setOf(t, jwk{kid: "new", key: k.otherEd.Public()}), nil)
		mustAccept(t, v, "the new key", edToken(t, "new", k.otherEd))
		first.Wait()
	})
}

// What is refused whatever its key costs the endpoint nothing.
func TestOnlyTokensThatMayBeGoodAskForKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		e := &endpoint{body: setOf(t, jwk{kid: "a", key: k.ed.Public()})}
		v, _ := remoteVerifier(t, e)
		mustAccept(t, v, "a good one", edToken(t, "a", k.ed))
		for name, c := range map[string]struct {
			bearer string
			why    Reason
		}{
			"expired":           {signed(t, jwt.SigningMethodEdDSA, k.ed, goodClaims("exp", time.Now().Add(-time.Hour).Unix()), "kid", "x"), ReasonExpired},
			"of tomorrow":       {signed(t, jwt.SigningMethodEdDSA, k.ed, goodClaims("nbf", time.Now().Add(time.Hour).Unix(), "exp", time.Now().Add(9*time.Hour).Unix()), "kid", "x"), ReasonEarly},
			"a refresh token":   {signed(t, jwt.SigningMethodEdDSA, k.ed, goodClaims("token_type", "refresh", "exp", time.Now().Add(time.Hour).Unix()), "kid", "x"), ReasonType},
			"of no user":        {signed(t, jwt.SigningMethodEdDSA, k.ed, goodClaims("user_id", "x", "exp", time.Now().Add(time.Hour).Unix()), "kid", "x"), ReasonClaims},
			"a very long kid":   {edToken(t, strings.Repeat("k", kidBytesMax+1), k.ed), ReasonKey},
			"a kid of no text":  {signed(t, jwt.SigningMethodEdDSA, k.ed, goodClaims("exp", time.Now().Add(time.Hour).Unix()), "kid", []string{"x"}), ReasonKey},
			"no kid":            {signed(t, jwt.SigningMethodEdDSA, k.otherEd, goodClaims("exp", time.Now().Add(time.Hour).Unix())), ReasonSignature},
			"critical":          {signed(t, jwt.SigningMethodEdDSA, k.ed, goodClaims("exp", time.Now().Add(time.Hour).Unix()), "kid", "x", "crit", []string{"b64"}), ReasonMalformed},
			"another algorithm": {signed(t, jwt.SigningMethodHS256, secret, goodClaims("exp", time.Now().Add(time.Hour).Unix()), "kid", "x"), ReasonAlgorithm},
		} {
			mustRefuse(t, v, name, c.bearer, c.why)
		}
		if n := e.questions.Load(); n != 1 {
			t.Errorf("%d questions", n)
		}
	})
}

// A token cannot say where its key is, nor bring it along.
func TestKeysThatATokenNamesAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKeys()
		e := &endpoint{body: setOf(t, jwk{kid: "a", key: k.ed.Public()})}
		v, _ := remoteVerifier(t, e)
		own, err := jwkset.NewJWKFromKey(k.otherEd.Public(), jwkset.JWKOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]any{
			"jku": "https://evil.example/keys", "x5u": "https://evil.example/cert", "jwk": own.Marshal(), "x5c": []string{"AAAA"},
		} {
			claims := goodClaims("exp", time.Now().Add(time.Hour).Unix())
			mustRefuse(t, v, name, signed(t, jwt.SigningMethodEdDSA, k.otherEd, claims, "kid", "a", name, value), ReasonSignature)
			mustRefuse(t, v, name+", no kid", signed(t, jwt.SigningMethodEdDSA, k.otherEd, claims, name, value), ReasonSignature)
		}
		if n := e.questions.Load(); n != 1 {
			t.Errorf("%d questions", n)
		}
	})
}

// redirect answers some paths with a redirect, and others as the endpoint does.
type redirect struct {
	*endpoint
	to map[string]string // by URL
}

func (r redirect) RoundTrip(q *http.Request) (*http.Response, error) {
	if to := r.to[q.URL.String()]; to != "" {
		return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {to}}, Body: http.NoBody, Request: q}, nil
	}
	return r.endpoint.RoundTrip(q)
}

func TestRedirectsStayWithinHTTPS(t *testing.T) {
	k := testKeys()
	for name, c := range map[string]struct {
		from string
		to   map[string]string
		good bool
	}{
		"none":                  {"https://a/", nil, true},
		"within https":          {"https://a/", map[string]string{"https://a/": "https://b/"}, true},
		"to http":               {"https://a/", map[string]string{"https://a/": "http://a/"}, false},
		"to http, later":        {"https://a/", map[string]string{"https://a/": "https://b/", "https://b/": "http://a/"}, false},
		"from http":             {"http://a/", map[string]string{"http://a/": "https://a/"}, false},
		"to another scheme":     {"https://a/", map[string]string{"https://a/": "file:///etc/passwd"}, false},
		"in a circle":           {"https://a/", map[string]string{"https://a/": "https://b/", "https://b/": "https://a/"}, false},
		"to nowhere":            {"https://a/", map[string]string{"https://a/": "//"}, false},
		"http without a detour": {"http://127.0.0.1/", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &endpoint{body: setOf(t, jwk{kid: "a", key: k.ed.Public()})}
				address, err := parseJWKSURL(c.from)
				if err != nil {
					t.Fatal(err)
				}
				s := startJWKS(t.Context(), address, slog.New(slog.DiscardHandler), redirect{e, c.to})
				defer s.close()
				synctest.Wait()
				if got := s.current.Load() != nil; got != c.good {
					t.Errorf("the set was taken: %v", got)
				}
				if n := e.questions.Load(); n > 1 {
					t.Errorf("%d questions", n)
				}
			})
		})
	}
}

func TestPlainHTTPIsWarnedOf(t *testing.T) {
	for address, warned := range map[string]bool{
		"http://id.invalid/keys": true, "http://192.0.2.1/keys": true, "https://id.invalid/keys": false,
		"http://localhost:1/keys": false, "http://127.0.0.1:1/keys": false, "http://[::1]:1/keys": false,
	} {
		logged := &lockedBuffer{}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // nothing is asked
		s, err := openJWKS(ctx, address, slog.New(slog.NewTextHandler(logged, nil)))
		if err != nil {
			t.Fatal(err)
		}
		s.close()
		if got := strings.Contains(logged.String(), "use https://"); got != warned {
			t.Errorf("%s: %s", address, logged.String())
		}
	}
}

// lockedBuffer may be written by several goroutines.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
