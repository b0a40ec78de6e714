package token

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

const (
	jwksFreshFor     = 5 * time.Minute  // a set that nobody misses a key in is asked for again after this
	jwksPause        = 10 * time.Second // in which one more question is allowed, and after a failure the next one
	jwksBurst        = 3                // questions that may come sooner, after a rest
	jwksAnswerWait   = 5 * time.Second  // longest wait for one answer
	jwksBytesMax     = 1 << 20          // longest answer
	jwksHeaderMax    = 64 << 10         // bytes of its header
	jwksRedirectsMax = 5
	jwksAbsentMax    = 1_024 // kids that are remembered as not in the set; others are asked for again
)

// jwks is the set of public keys behind a URL. Its goroutine asks for the set:
// when it begins, when the set is old, and when somebody misses a key. The last
// set that came stays good while the endpoint fails.
type jwks struct {
	url    *url.URL
	client *http.Client
	log    *slog.Logger
	odd    string // what was last said about members that are left out; the goroutine's

	crowded bool // that tokens must name their key was said; the goroutine's

	current atomic.Pointer[keySet] // nil: none came yet
	answers atomic.Bool            // the last question brought a set
	stop    context.CancelFunc
	stopped chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex
	timer    *time.Timer // wakes the goroutine for the next question
	question *question   // that somebody waits for; nil: nobody does
	allowed  float64     // questions that somebody may want now, as of counted
	counted  time.Time
	absent   map[string]struct{} // kids that the last question was about, and that are not in the set
	asked    time.Time           // when it ended
}

// question is one look at the endpoint, for all who wait for a key.
type question struct {
	ended chan struct{} // closed at its end
	begun bool          // it is under way: what is published now may be missed. Guarded by jwks.mu
	kids  map[string]struct{}
	err   error // that it brought no set; read it once ended is closed
}

func newQuestion() *question {
	return &question{ended: make(chan struct{}), kids: make(map[string]struct{})}
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
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		log.Warn("the JWKS URL is http://: whoever is on the way can name keys, and so be anybody; use https://", "host", u.Host)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = jwksHeaderMax
	return startJWKS(ctx, u, log, transport), nil
}

// isLoopback tells whether a host is this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
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
		client:   &http.Client{Transport: transport, CheckRedirect: withinHTTPS},
		log:      log,
		stop:     stop,
		stopped:  make(chan struct{}),
		timer:    time.NewTimer(0),
		question: newQuestion(), // the first, which the goroutine begins with
		allowed:  jwksBurst,
		counted:  time.Now(),
	}
	go s.run(ctx)
	return s
}

// withinHTTPS follows a redirect from https to https alone: any other would let somebody
// on the way name the keys.
func withinHTTPS(to *http.Request, before []*http.Request) error {
	switch from := before[len(before)-1].URL; {
	case from.Scheme != "https" || to.URL.Scheme != "https":
		return fmt.Errorf("it redirects from %s to %s; only redirects from https to https are followed", from.Scheme, to.URL.Scheme)
	case len(before) > jwksRedirectsMax:
		return fmt.Errorf("it redirects more than %d times", jwksRedirectsMax)
	}
	return nil
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
		s.begin()
		err := s.ask(ctx)
		s.answers.Store(err == nil)
		if ctx.Err() == nil && (err != nil) != failing {
			failing = err != nil
			s.report(err)
		}
		s.settle(err)
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
	s.sayCrowded(set.crowded())
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

// sayCrowded logs, once while it is so, that tokens must name their key.
func (s *jwks) sayCrowded(algorithm string) {
	if algorithm != "" && !s.crowded {
		s.log.Info("the JWKS has many keys of one algorithm: tokens without a kid are refused for it", "url", s.shown(), "algorithm", algorithm, "tried", triedMax)
	}
	s.crowded = algorithm != ""
}

// begin notes that the endpoint is asked from now on.
func (s *jwks) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.question != nil {
		s.question.begun = true
	}
}

// settle ends the question that was under way with err; the next one follows by itself.
func (s *jwks) settle(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.timer.Reset(jwksPause)
	} else {
		s.timer.Reset(jwksFreshFor)
	}
	s.absent, s.asked = nil, time.Now()
	if !s.answers.Load() {
		s.allowed, s.counted = 0, s.asked
	}
	if q := s.question; q != nil {
		if s.question = nil; !q.begun { // it was wanted when the look was over
			s.question = q
			s.timer.Reset(0)
			return
		}
		if s.answers.Load() {
			s.absent = q.kids
		}
		q.err = err
		close(q.ended)
	}
}

// first waits for the first set after openJWKS.
func (s *jwks) first(ctx context.Context) error {
	s.mu.Lock()
	q := s.question
	s.mu.Unlock()
	if q == nil { // it has ended
		if s.current.Load() == nil {
			return fmt.Errorf("the JWKS endpoint %s brought no keys", s.shown())
		}
		return nil
	}
	select {
	case <-q.ended:
		if q.err != nil {
			return fmt.Errorf("the JWKS endpoint %s: %w", s.shown(), q.err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// renew waits for an answer of the endpoint. It reports false where there was none, it
// did not come before ctx ended, or it is too early to ask. sure: the question began after
// the call.
func (s *jwks) renew(ctx context.Context, kid string) (answered, sure bool) {
	q, fresh := s.want(kid)
	if q == nil {
		return false, false
	}
	select {
	case <-q.ended:
		return s.answers.Load(), fresh
	case <-ctx.Done():
	case <-s.stopped:
	}
	return false, false
}

// want returns the question that others wait for, too, or nil if it is too early for
// another one. So unknown keys, which anybody can name, cost the endpoint at most one
// question each jwksPause, and a few at once, and those who bring them no wait. fresh is
// false where the question is under way.
func (s *jwks) want(kid string) (q *question, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.question == nil {
		now := time.Now()
		s.allowed = min(jwksBurst, s.allowed+now.Sub(s.counted).Seconds()/jwksPause.Seconds())
		if s.counted = now; s.allowed < 1 {
			return nil, false
		}
		s.allowed--
		s.question = newQuestion()
		s.timer.Reset(0)
	}
	q = s.question
	if fresh = !q.begun; fresh && len(q.kids) < jwksAbsentMax {
		q.kids[kid] = struct{}{}
	}
	return q, fresh
}

// isAbsent tells whether a question a moment ago was about that kid, and its answer
// without it.
func (s *jwks) isAbsent(kid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.absent[kid]
	return ok && time.Since(s.asked) < jwksPause
}

// keys returns what may verify t: the key that its kid names, or all of them if
// it names none, as far as they are for its algorithm. It is sure of what it found, and
// that there is none if the endpoint was asked after t came, or for the same kid the last
// time.
func (s *jwks) keys(ctx context.Context, t *jwt.Token) (keys []crypto.PublicKey, sure bool) {
	keys, found := s.lookup(t)
	kid := kidOf(t)
	for range 2 { // a question that is under way may be followed by another one
		if found || s.isAbsent(kid) {
			return keys, true
		}
		answered, certain := s.renew(ctx, kid)
		keys, found = s.lookup(t) // also where that failed: it may have come meanwhile
		if certain && answered {
			return keys, true
		}
		if !answered {
			break
		}
	}
	return keys, found
}

// kidOf returns the name of a token's key; empty: none.
func kidOf(t *jwt.Token) string {
	kid, _ := t.Header[jwkset.HeaderKID].(string)
	return kid
}

// lookup looks into the current set. found is false where a newer set may know
// more.
func (s *jwks) lookup(t *jwt.Token) (keys []crypto.PublicKey, found bool) {
	if len(kidOf(t)) > kidBytesMax {
		return nil, true // nobody names a key so
	}
	current := s.current.Load()
	if current == nil {
		return nil, false
	}
	return current.find(t)
}
