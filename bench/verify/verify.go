// Package verify sends a small fleet through faults and keeps the account of
// every message: what each member sent, how it was answered, what each saw, and
// what the store has in the end. Servers may be killed, paused and restarted
// while it runs; members reconnect and resend, as the contract tells clients to.
//
// A member is a goroutine, and another one that reads its session. What a member
// has seen and sent is guarded by its lock; the book has its own, which is taken
// last.
package verify

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/proc"
	"github.com/caravan-chat/caravan/bench/wire"
)

// Config says what Run does. Fields that are zero take the default in the comment.
type Config struct {
	URLs     []string                             // ws://host:port of each node, of one deployment
	Fleet    fleet.Fleet                          // what was seeded; parts that are zero: what the run needs
	Mint     func(user uuid.UUID) (string, error) // signs an access token that outlives the run
	Members  int                                  // zero: 60
	JS       int                                  // users besides whom the JavaScript library runs, in one process of Node.js; not where fail-overs lose something
	Rooms    int                                  // zero: 6
	Rate     float64                              // actions a second of each member; zero: 2
	Payload  int                                  // bytes of text in a message, besides its name; zero: 100
	Session  time.Duration                        // how long a connection is kept on average; zero: 5 s
	Duration time.Duration                        // of the actions; zero: 30 s
	Answer   time.Duration                        // how long a server that lives may take to answer, and to tell what was committed; zero: 40 s
	Settle   time.Duration                        // how long, after that, everything may take to be settled and seen; zero: 60 s
	Seed     uint64                               // of what members do; when they do it depends on the server
	Events   io.Writer                            // the ledger as JSON lines; nil: not written
	Progress io.Writer                            // a line each second; nil: none
	Ending   func(node int, since time.Time) bool // whether the server of URLs[node] was down, being ended or starting at some time since; nil: any end of a connection may be its server's
	Losses   Losses                               // who knows what fail-overs lose; nil: they must lose nothing. Events is then an io.ReadWriteSeeker
	FailOver func(note func(ledger.Record))       // told how to note fail-overs that lose nothing, before anything else is noted; nil: there are none
	Tables   Tables                               // of the database; nil: nobody moderates, no role and no membership changes, and what is stored is read through the servers alone
	Files    bool                                 // the servers take files, and members upload some: not where fail-overs lose something
	Spares   []string                             // what members do not ask for, as a server of an older release does not know it: types of frames, and members of chat_message
	Header   bool                                 // members of version 2 show their tokens in a header, too, as a server of version 1 looks there only
	Begun    chan<- struct{}                      // closed when every member has come in and something is said, from when on Duration counts; nil: nobody waits for it
	Mended   <-chan struct{}                      // closed when nothing is broken any more, from when on all must settle; nil: when the actions end
	Hopeless <-chan error                         // an error from it makes the run pointless: Run returns it at once; nil: none

	// CheckFiles says in the end, when everything else is read, where the bytes of files and
	// their rows do not agree. Nil: nobody looks.
	CheckFiles func(ctx context.Context) (lines []string, err error)

	// MintFor signs an access token that is good for so long. Nil: nobody has one connection for
	// all rooms. The tokens of those who have are good for Token on average; zero: 12 s.
	MintFor func(user uuid.UUID, ttl time.Duration) (string, error)
	Token   time.Duration

	burst     int             // messages in a burst, up to twice as many; zero: burstMin
	jsFault   string          // what the program of the JavaScript library does wrong, to prove that the account notices
	jsFaulted chan<- struct{} // closed when it has done so
}

// Losses knows of fail-overs that may lose events.
type Losses interface {
	// Begin is called once, before anything is noted. note may be called until End returns,
	// by several goroutines.
	Begin(note func(ledger.Record))

	// End notes what is left to say, when everything is settled.
	End(ctx context.Context) error
}

const (
	startWait  = 30 * time.Second // for the servers to answer at the start
	fleetWait  = time.Minute      // for every member to come in, after that
	readWait   = 60 * time.Second // for reading all rooms back at the end
	membersMax = 10_000
)

// ConfigError says what is wrong with a Config.
type ConfigError struct{ err error }

// Error tells what is wrong.
func (e *ConfigError) Error() string { return e.err.Error() }

// Unwrap returns the reason.
func (e *ConfigError) Unwrap() error { return e.err }

// complete fills in the defaults and checks the whole.
func (c *Config) complete() error {
	c.Members = or(c.Members, 60)
	c.Rooms = or(c.Rooms, 6)
	c.Rate = or(c.Rate, 2)
	c.Payload = or(c.Payload, 100)
	c.Session = or(c.Session, 5*time.Second)
	c.Duration = or(c.Duration, 30*time.Second)
	c.Token = or(c.Token, 12*time.Second)
	c.Answer = or(c.Answer, 40*time.Second)
	c.Settle = or(c.Settle, time.Minute)
	c.burst = or(c.burst, burstMin)
	c.Fleet.Trips = or(c.Fleet.Trips, c.Rooms)
	c.Fleet.Users = or(c.Fleet.Users, max(c.Members, c.Fleet.Trips, c.usersJS()))
	switch {
	case len(c.URLs) == 0:
		return errors.New("url: at least one server is needed")
	case c.Mint == nil:
		return errors.New("a way to sign tokens is needed")
	case c.Members < 1 || c.Members > membersMax || c.Rooms < 1 || c.Rooms > c.Members:
		return fmt.Errorf("%d members in %d rooms: there must be 1 to %d members, and a room for each at most", c.Members, c.Rooms, membersMax)
	case c.Losses != nil && !seeks(c.Events):
		return errors.New("events: where fail-overs lose something they are read again")
	case c.Rate < 0 || c.Rate > 1000 || c.Payload < 0 || c.Payload > 9000:
		return fmt.Errorf("rate %g or payload %d is out of range", c.Rate, c.Payload)
	case c.Session < 0 || c.Duration < 0 || c.Answer < 0 || c.Settle < 0:
		return errors.New("times must not be negative")
	}
	return errors.Join(c.Fleet.Check(c.Rooms), c.checkJS())
}

// spares reports whether members do not ask for something.
func (c *Config) spares(what string) bool { return slices.Contains(c.Spares, what) }

func seeks(events io.Writer) bool {
	_, ok := events.(io.ReadWriteSeeker)
	return ok
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// crew is one run: what all members share.
type crew struct {
	cfg     *Config
	nodes   []wire.Endpoint
	rest    *restClient
	book    *book
	run     string // in each op's name: a store may keep those of earlier runs
	uploads uploads

	members []*member
	js      *jsFleet        // nil: there is none
	acting  context.Context // ends when members stop beginning new things
	living  context.Context // ends when they leave

	failed context.CancelCauseFunc // ends living with what makes the run pointless
}

// Run makes one run and returns the account. The error says why there is none.
// Ending ctx ends the actions early; everything is still settled and accounted for.
func Run(ctx context.Context, cfg Config) (*ledger.Report, error) {
	if err := cfg.complete(); err != nil {
		return nil, &ConfigError{err}
	}
	const filesEach = 4 // a session, and REST calls besides
	if err := proc.RaiseDescriptors(filesEach*cfg.Members + 64); err != nil {
		return nil, err
	}
	cr, err := newCrew(&cfg)
	if err != nil {
		return nil, err
	}
	defer cr.rest.close()
	// A run outlives ctx until everything is settled, and ends by itself at last.
	life, end := context.WithTimeout(context.WithoutCancel(ctx), startWait+fleetWait+cfg.Duration+cfg.Settle+readWait)
	defer end()
	life, cr.failed = context.WithCancelCause(life)
	var outside sync.WaitGroup
	defer outside.Wait()
	defer cr.failed(nil)
	outside.Go(func() {
		select {
		case err := <-cfg.Hopeless:
			cr.failed(err)
		case <-life.Done():
		}
	})
	err = cr.account(ctx, life)
	if err = errors.Join(err, cr.closeJS()); err != nil {
		if cause := context.Cause(life); cause != nil && !errors.Is(err, cause) {
			err = cause
		}
		return nil, err
	}
	return cr.book.close()
}

// account fills the book, until all is settled and read back.
func (cr *crew) account(ctx, life context.Context) error {
	if cr.cfg.Losses != nil {
		cr.cfg.Losses.Begin(cr.book.note)
	}
	if cr.cfg.FailOver != nil {
		cr.cfg.FailOver(cr.book.note)
	}
	if err := cr.begin(life); err != nil {
		return err
	}
	if err := cr.play(ctx, life); err != nil {
		return err
	}
	if cr.cfg.Losses != nil {
		if err := cr.cfg.Losses.End(life); err != nil {
			return fmt.Errorf("what fail-overs lost: %w", err)
		}
	}
	if err := cr.readBack(life); err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	return nil
}

func newCrew(cfg *Config) (*crew, error) {
	cr := &crew{cfg: cfg, rest: newRESTClient(), book: newBook(cfg)}
	for _, base := range cfg.URLs {
		node, err := wire.ParseEndpoint(base)
		if err != nil {
			return nil, &ConfigError{err}
		}
		cr.nodes = append(cr.nodes, node)
	}
	var random [4]byte
	if _, err := crand.Read(random[:]); err != nil {
		return nil, err
	}
	cr.run = hex.EncodeToString(random[:])
	for id := range cfg.Members {
		room := id % cfg.Rooms
		user := cfg.Fleet.Member(room, id/cfg.Rooms)
		bearer, err := cfg.Mint(fleet.User(user))
		if err != nil {
			return nil, fmt.Errorf("sign a token: %w", err)
		}
		cr.members = append(cr.members, newMember(cr, id, room, user, bearer))
	}
	return cr, nil
}

// begin notes where each room stands before the run.
func (cr *crew) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	for room := range cr.cfg.Rooms {
		m := cr.members[room] // the first of each room
		seq, err := retry(ctx, func() (int64, error) { return m.roomNumber(ctx) })
		if err != nil {
			return fmt.Errorf("room %d as user %d: %w; is the server running, is this its --jwt-secret, and is the fleet seeded? `%s`",
				room, cr.cfg.Fleet.Member(room, 0), err, cr.cfg.Fleet.SeedCommand())
		}
		cr.book.note(ledger.Record{Kind: ledger.Begin, Room: room, Seq: seq, Nodes: len(cr.nodes), Version: cr.version()})
	}
	if cr.cfg.Tables != nil {
		if err := cr.giveRoles(ctx); err != nil {
			return err
		}
	}
	if err := cr.openMany(ctx); err != nil {
		return err
	}
	return cr.openJS(ctx)
}

// version is 2 where all servers tell summaries.
func (cr *crew) version() int {
	if cr.cfg.spares("react") {
		return 1
	}
	return 2
}

// retry tries until it works, is refused for good, or ctx ends.
func retry[T any](ctx context.Context, try func() (T, error)) (T, error) {
	const pause = 200 * time.Millisecond
	for {
		v, err := try()
		var refused *restError
		if err == nil || (errors.As(err, &refused) && refused.status < 500 && refused.status != http.StatusTooManyRequests) {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, err
		case <-time.After(pause):
		}
	}
}

// play lets the members act, and then settle.
func (cr *crew) play(ctx, life context.Context) error {
	acting, stop := context.WithCancel(ctx)
	defer stop()
	living, leave := context.WithCancel(life)
	defer leave()
	cr.acting, cr.living = acting, living
	var leaving []wavering
	if cr.cfg.Tables != nil && cr.cfg.Losses == nil { // it may be lost, too
		leaving = cr.chooseWavering()
	}
	var wg sync.WaitGroup
	for _, m := range cr.members {
		wg.Go(m.live)
	}
	defer cr.closeMany() // when everybody has left
	cr.js.each(func(m *jsMember) bool {
		wg.Go(m.liveJS)
		return true
	})
	if cr.js != nil {
		wg.Go(func() { cr.js.live(acting, living) })
	}
	var changes sync.WaitGroup
	if cr.cfg.Tables != nil && cr.cfg.Losses == nil { // a role may be lost, too
		changes.Go(func() { cr.changeRoles(acting, life) })
	}
	stopProgress := cr.watch()
	if err := cr.awaitFleet(acting, life); err != nil {
		cr.failed(err)
	} else {
		if leaving != nil {
			changes.Go(func() { cr.changeMemberships(acting, life, leaving) })
		}
		if cr.cfg.Begun != nil {
			close(cr.cfg.Begun)
		}
	}
	select {
	case <-time.After(cr.cfg.Duration):
	case <-acting.Done():
	case <-life.Done():
	}
	stop()
	if cr.cfg.Mended != nil {
		select {
		case <-cr.cfg.Mended:
		case <-life.Done():
		}
	}
	changes.Wait()
	if !cr.settle(life) && life.Err() == nil {
		cr.noteUnsettled(life)
	}
	cr.present(life)
	cr.noteTheEnd()
	if err := cr.js.finish(life); err != nil {
		cr.failed(err)
	}
	leave()
	wg.Wait()
	stopProgress()
	return context.Cause(life)
}

// awaitFleet waits until every member has come in, and something was said, and a file sent
// where members do that: what happens before that proves nothing. It gives up, without an error, when acting or life ends.
func (cr *crew) awaitFleet(acting, life context.Context) error {
	const period = 20 * time.Millisecond
	for deadline := time.Now().Add(fleetWait); ; {
		in, js := cr.js.cameIn()
		for _, m := range cr.members {
			if m.cameIn() {
				in++
			}
		}
		switch said := cr.book.read().acked > 0 && (!cr.takesFiles() || cr.uploads.some()); {
		case in == len(cr.members)+js && said:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%d of %d members came in within %v, and something was said, and files sent where they are: %t; do the servers let them all in?", in, len(cr.members)+js, fleetWait, said)
		}
		select {
		case <-time.After(period):
		case <-acting.Done():
			return nil
		case <-life.Done():
			return nil
		}
	}
}

// jitter spreads a time over half to three halves of itself.
func jitter(rng *rand.Rand, d time.Duration) time.Duration {
	return d/2 + time.Duration(rng.Int64N(int64(d)+1))
}
