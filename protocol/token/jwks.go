package token

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

const (
	jwksFreshFor   = 15 * time.Minute // a set that nobody misses a key in is asked for again after this
	jwksPause      = 10 * time.Second // shortest time from one answer, or failure, to the next question
	jwksAnswerWait = 5 * time.Second  // longest wait for one answer
	jwksBytesMax   = 1 << 20          // longest answer
)

// jwks is the set of public keys behind a URL. Its goroutine asks for the set:
// when it begins, when the set is old, and when somebody misses a key. The last
// set that came stays good while the endpoint fails.
type jwks struct {
	url    string
	client *http.Client
	log    *slog.Logger

	current atomic.Pointer[keyfunc.Keyfunc] // nil: none came yet
	stop    context.CancelFunc
	stopped chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex
	timer    *time.Timer   // wakes the goroutine for the next question
	question chan struct{} // closed when the question that somebody waits for has ended; nil: nobody does
	ended    time.Time     // of the last question
}

// openJWKS begins to ask for the set. It fails only where address is no URL.
func openJWKS(ctx context.Context, address string, log *slog.Logger) (*jwks, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("JWKS URL %q is no http or https URL", address)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return startJWKS(ctx, address, log, http.DefaultTransport), nil
}

func startJWKS(ctx context.Context, address string, log *slog.Logger, transport http.RoundTripper) *jwks {
	ctx, stop := context.WithCancel(ctx)
	s := &jwks{
		url:      address,
		client:   &http.Client{Transport: &boundedTransport{transport}},
		log:      log,
		stop:     stop,
		stopped:  make(chan struct{}),
		timer:    time.NewTimer(0),
		question: make(chan struct{}), // the first, which the goroutine begins with
	}
	go s.run(ctx)
	return s
}

func (s *jwks) close() {
	s.stop()
	<-s.stopped
}

// run asks for the set until ctx ends.
func (s *jwks) run(ctx context.Context) {
	defer close(s.stopped)
	defer s.timer.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.timer.C:
		}
		err := s.ask(ctx)
		if ctx.Err() == nil && (err != nil) != failing {
			failing = err != nil
			s.report(err)
		}
		if failing {
			s.settle(jwksPause)
		} else {
			s.settle(jwksFreshFor)
		}
	}
}

func (s *jwks) report(err error) {
	if err != nil {
		s.log.Warn("the JWKS endpoint fails; known keys stay good", "url", s.url, "error", err)
		return
	}
	s.log.Info("the JWKS endpoint answers again", "url", s.url)
}

// ask gets the set once and makes it the current one.
func (s *jwks) ask(ctx context.Context) error {
	set, err := jwkset.NewStorageFromHTTP(s.url, jwkset.HTTPClientStorageOptions{
		Client: s.client, Ctx: ctx, HTTPTimeout: jwksAnswerWait,
	})
	if err != nil {
		return err
	}
	lookup, err := keyfunc.New(keyfunc.Options{Storage: set, UseWhitelist: []jwkset.USE{jwkset.UseSig, ""}})
	if err != nil {
		return err
	}
	s.current.Store(&lookup)
	return nil
}

// settle ends the question that was under way; the next follows after pause.
func (s *jwks) settle(pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = time.Now()
	s.timer.Reset(pause)
	if s.question != nil {
		close(s.question)
		s.question = nil
	}
}

// renew waits until the endpoint has been asked once more. It reports false
// where that was done a moment ago, or did not end before ctx.
func (s *jwks) renew(ctx context.Context) bool {
	question := s.want()
	if question == nil {
		return false
	}
	select {
	case <-question:
		return true
	case <-ctx.Done():
	case <-s.stopped:
	}
	return false
}

// want returns the question that others wait for, too, or nil if it is too early
// for another one. So unknown keys, which anybody can name, cost the endpoint at
// most one question each jwksPause, and those who bring them no wait.
func (s *jwks) want() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.question == nil {
		if time.Since(s.ended) < jwksPause {
			return nil
		}
		s.question = make(chan struct{})
		s.timer.Reset(0)
	}
	return s.question
}

// keys returns what may verify t: the key that its kid names, or all of them if
// it names none, as far as they are for its algorithm.
func (s *jwks) keys(ctx context.Context, t *jwt.Token) []crypto.PublicKey {
	keys, found := s.lookup(t)
	if !found && s.renew(ctx) {
		keys, _ = s.lookup(t)
	}
	return keys
}

// lookup looks into the current set. found is false where a newer set may know
// more.
func (s *jwks) lookup(t *jwt.Token) (keys []crypto.PublicKey, found bool) {
	current := s.current.Load()
	if current == nil {
		return nil, false
	}
	got, err := (*current).Keyfunc(t)
	if err != nil {
		return nil, !errors.Is(err, jwkset.ErrKeyNotFound)
	}
	all := []crypto.PublicKey{got}
	if several, ok := got.(jwt.VerificationKeySet); ok {
		all = all[:0]
		for _, k := range several.Keys {
			all = append(all, k)
		}
	}
	for _, k := range all {
		if a, err := algorithmOf(k); err == nil && a == t.Method.Alg() {
			keys = append(keys, k)
		}
	}
	return keys, true
}

// boundedTransport cuts off what is too long to be a set of keys.
type boundedTransport struct{ http.RoundTripper }

func (b *boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, jwksBytesMax)
	}
	return answer, err
}
