package verify_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/benchtest"
	"github.com/caravan-chat/caravan/bench/ledger"
)

// A user who has one connection for all rooms has an account in each of them: what goes wrong
// on that connection alone is found.
func TestFaultsOfUsersSocketsAreFound(t *testing.T) {
	t.Parallel()
	taken := make(chan struct{})
	took := sync.OnceFunc(func() { close(taken) })
	unexplained := func(r *ledger.Report) ledger.Finding { return r.Unexplained }
	together(t, map[string]fault{
		"a token that ends alone":     {benchtest.Faults{Endless: true}, unexplained, "the connection has outlived its token"},
		"nobody is warned":            {benchtest.Faults{Unwarned: true}, unexplained, "nobody was told that the token was about to end"},
		"a token that is not good":    {benchtest.Faults{Gullible: took}, unexplained, "was taken, and is not good"},
		"told after its unsubscribe":  {benchtest.Faults{Clinging: true}, unexplained, "of a room that is not subscribed"},
		"acknowledged before the end": {benchtest.Faults{Hasty: true}, unexplained, "acknowledged before all its rooms are answered"},
	}, func(t *testing.T, f fault) {
		cfg := config(start(t, f.faults))
		cfg.Members, cfg.Rate, cfg.Payload = 12, 5, 4_000
		cfg.Token, cfg.Duration, cfg.Settle = 4*time.Second, 100*time.Millisecond, time.Second
		if !f.faults.Clinging && !f.faults.Hasty {
			cfg.Session = 2 * await.Limit // it must live as long as its token, and hear what becomes of another
			cfg.Rate, cfg.Payload = 1, 100
		}
		if f.faults.Unwarned {
			cfg.Token = 12 * time.Second // between its half and its end a busy machine has time
		}
		noted := taken
		if f.faults.Gullible == nil {
			events := &seen{text: f.text, happened: make(chan struct{})}
			cfg.Events, noted = events, events.happened
		}
		f.isFound(t, runUntil(t, noted, cfg))
	})
}

// seen is a writer that closes happened when it has a text.
type seen struct {
	text     string
	often    map[string]int // and others so often; none is left
	happened chan struct{}
	once     sync.Once
}

func (s *seen) Write(p []byte) (int, error) {
	for text, left := range s.often {
		if left -= bytes.Count(p, []byte(text)); left > 0 {
			s.often[text] = left
		} else {
			delete(s.often, text)
		}
	}
	if len(s.often) == 0 && bytes.Contains(p, []byte(s.text)) {
		s.once.Do(func() { close(s.happened) })
	}
	return len(p), nil
}

// A user's socket outlives its tokens, where its user gives it others, and is not given up for
// one that is not good. Where the user gives none it ends, and the user comes back.
func TestUsersSocketsOutliveTheirTokens(t *testing.T) {
	t.Parallel()
	cfg := config(start(t, benchtest.Faults{}))
	cfg.Members, cfg.Rate, cfg.Spares = 12, 10, append(cfg.Spares, "reply_to")
	events := &seen{happened: make(chan struct{}), often: map[string]int{`"kind":"auth"`: 10}}
	cfg.Token, cfg.Session, cfg.Events = 2*time.Second, 2*await.Limit, events
	rep := runUntil(t, events.happened, cfg)
	if !rep.Clean {
		t.Fatalf("%+v", rep)
	}
	if rep.Tokens < 4 || rep.Tokens-rep.Refused["invalid_token"] < 4 {
		t.Errorf("few tokens were given: %+v", rep)
	}
}
