package token

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

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
	url    *url.URL
	client *http.Client
	log    *slog.Logger
	odd    string // what was last said about members that are left out; the goroutine's

	current atomic.Pointer[keySet] // nil: none came yet
	answers atomic.Bool            // the last question brought a set
	stop    context.CancelFunc
	stopped chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex
	timer    *time.Timer   // wakes the goroutine for the next question
	question chan struct{} // closed when the question that somebody waits for has ended; nil: nobody does
	ended    time.Time     // of the last question
}

// openJWKS begins to ask for the set. It fails only where address is no URL.
func openJWKS(ctx context.Context, address string, log *slog.Logger) (*jwks, error) {
	u, err := parseJWKSURL(address)
	if err != nil {
		return nil, fmt.Errorf("the JWKS URL %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return startJWKS(ctx, u, log, http.DefaultTransport), nil
}

// CheckJWKSURL says what is wrong with the address of an endpoint. Its error does
// not show the address, which may hold a password.
func CheckJWKSURL(address string) error {
	_, err := parseJWKSURL(address)
	return err
}

var errJWKSURL = errors.New("must be an http:// or https:// URL")

func parseJWKSURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errJWKSURL
	}
	if port := u.Port(); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return nil, errJWKSURL
		}
	}
	return u, nil
}

func startJWKS(ctx context.Context, address *url.URL, log *slog.Logger, transport http.RoundTripper) *jwks {
	ctx, stop := context.WithCancel(ctx)
	s := &jwks{
		url:      address,
		client:   &http.Client{Transport: transport},
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
		s.answers.Store(err == nil)
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
		s.log.Warn("the JWKS endpoint fails; tokens of known keys stay good, others cannot be checked", "url", s.shown(), "error", err)
		return
	}
	s.log.Info("the JWKS endpoint answers again", "url", s.shown())
}

// shown is the endpoint as logs may tell it: without user, password and query.
func (s *jwks) shown() string {
	return (&url.URL{Scheme: s.url.Scheme, Host: s.url.Host, Path: s.url.Path}).String()
}

// ask gets the set once and makes it the current one.
func (s *jwks) ask(ctx context.Context) error {
	text, err := s.get(ctx)
	if err != nil {
		return err
	}
	set, err := parseKeySet(text)
	if err != nil {
		return err
	}
	s.sayOdd(set.odd)
	s.current.Store(set)
	return nil
}

// get fetches the text of the set.
func (s *jwks) get(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, jwksAnswerWait)
	defer cancel()
	question, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url.String(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := s.client.Do(question)
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		err = failed.Err // what is around it tells the URL
	}
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", answer.StatusCode)
	}
	return io.ReadAll(http.MaxBytesReader(nil, answer.Body, jwksBytesMax))
}

// sayOdd logs which members are left out, once while they are the same.
func (s *jwks) sayOdd(odd []error) {
	said := ""
	if len(odd) > 0 {
		said = fmt.Sprintf("%d: %v", len(odd), odd[0])
	}
	if said != s.odd && said != "" {
		s.log.Warn("members of the JWKS cannot be read and are left out", "url", s.shown(), "members", len(odd), "first", odd[0])
	}
	s.odd = said
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
// it names none, as far as they are for its algorithm. It is not sure where there is
// none and the endpoint fails.
func (s *jwks) keys(ctx context.Context, t *jwt.Token) (keys []crypto.PublicKey, sure bool) {
	keys, found := s.lookup(t)
	if !found && s.renew(ctx) {
		keys, found = s.lookup(t)
	}
	return keys, found || s.answers.Load()
}

// lookup looks into the current set. found is false where a newer set may know
// more.
func (s *jwks) lookup(t *jwt.Token) (keys []crypto.PublicKey, found bool) {
	current := s.current.Load()
	if current == nil {
		return nil, false
	}
	return current.find(t)
}
