package token

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestTheNextVerifierGoesOnWithTheKeys of the same URL, also while the endpoint fails; one of
// another URL has its keys before it takes over, or does not take over.
func TestTheNextVerifierGoesOnWithTheKeys(t *testing.T) {
	k := testKeys()
	var down atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write(setOf(t, jwk{kid: "d", key: k.ed.Public()}))
	}))
	defer server.Close()
	started, end := context.WithCancel(t.Context())
	defer end()
	first, err := New(started, Config{JWKSURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	bearer := signed(t, jwt.SigningMethodEdDSA, k.ed, goodClaims(), "kid", "d")
	mustAccept(t, first, "before", bearer)

	down.Store(true)
	second, err := first.Next(t.Context(), Config{JWKSURL: server.URL, Leeway: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	if _, err := second.VerifyNow(bearer); err != nil {
		t.Errorf("the same URL, while it fails: %v", err)
	}
	select {
	case <-second.remote.stopped:
		t.Error("the end of the former one ended the asking")
	default:
	}
	if _, err := second.Next(t.Context(), Config{JWKSURL: server.URL + "/elsewhere"}); err == nil {
		t.Error("a URL that brings no keys was taken over")
	}
	if _, err := second.VerifyNow(bearer); err != nil {
		t.Errorf("after that: %v", err)
	}

	down.Store(false)
	reload, ended := context.WithCancel(t.Context())
	third, err := second.Next(reload, Config{JWKSURL: server.URL + "/elsewhere"})
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	second.Close()
	<-second.remote.stopped
	ended()
	if _, err := third.VerifyNow(bearer); err != nil {
		t.Errorf("another URL: %v", err)
	}
	select {
	case <-third.remote.stopped:
		t.Error("the end of a reload ended the asking")
	default:
	}
	fourth, err := third.Next(t.Context(), Config{Secret: secret})
	if err != nil || fourth.remote != nil {
		t.Errorf("without a URL: %v", err)
	}
}
