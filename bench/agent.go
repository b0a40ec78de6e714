package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/control"
	"github.com/caravan-chat/caravan/bench/proc"
)

// AgentConfig says what an agent may be asked for. Zero takes the default where there is one.
type AgentConfig struct {
	Listen  string // host:port
	Token   []byte // that its coordinators know
	Version string // of this program: coordinators of others are refused
	Mint    func(user uuid.UUID) (string, error)

	ConnectionsMax int            // zero: as many as the limit of open files lets it have
	TimeMax        time.Duration  // of one run, from its first connection to its last answer; zero: an hour
	Targets        []netip.Prefix // addresses that it may connect to; nil: loopback only

	Listening func(address string) // is told where it listens
	Log       io.Writer            // a line for each coordinator and run; nil: none
}

const (
	orderSilence   = 20 * time.Second       // of a coordinator, which asks each second, before it is taken for gone
	acceptPause    = 100 * time.Millisecond // after a connection that could not be taken
	agentTimeMax   = time.Hour
	agentSpareTime = time.Minute // beyond what a run is reckoned to take
)

// Loopback are the addresses of the machine itself.
func Loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// agent lends this process's workers to coordinators, one at a time.
type agent struct {
	cfg  AgentConfig
	busy chan struct{} // room for one coordinator
}

// ServeAgent takes orders until ctx ends, which is no error.
func ServeAgent(ctx context.Context, cfg AgentConfig) error {
	cfg.TimeMax = or(cfg.TimeMax, agentTimeMax)
	if cfg.Targets == nil {
		cfg.Targets = Loopback()
	}
	l, err := control.Listen(cfg.Listen, cfg.Token)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() }) // Accept tells
	defer stop()
	if cfg.Listening != nil {
		cfg.Listening(l.Address())
	}
	a := &agent{cfg: cfg, busy: make(chan struct{}, 1)}
	var serving sync.WaitGroup
	defer serving.Wait()
	strangers := strangers{say: a.log}
	for {
		c, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			a.log("accept: %v", err) // such as no more files, while a run has them all
			time.Sleep(acceptPause)
			continue
		}
		if !strangers.admit(c, len(a.busy) > 0) {
			c.Close()
			continue
		}
		serving.Go(func() {
			err := l.Greet(c)
			strangers.leave(c, err)
			if err != nil {
				return
			}
			defer context.AfterFunc(ctx, c.Close)()
			defer c.Close()
			a.serve(c)
		})
	}
}

func (a *agent) log(format string, args ...any) {
	if a.cfg.Log != nil {
		_, _ = fmt.Fprintf(a.cfg.Log, format+"\n", args...) // the log is for people
	}
}

// serve follows one coordinator until it is done, or gone.
func (a *agent) serve(c *control.Conn) {
	s := &service{agent: a}
	free := func() {}
	select {
	case a.busy <- struct{}{}:
		free = func() { <-a.busy }
	default:
		s.refusal = errors.New("another coordinator has this agent")
	}
	end := sync.OnceFunc(func() {
		s.end()
		free()
	})
	defer end()
	a.log("%s coordinates", c.RemoteAddr())
	for {
		var o order
		if err := c.Receive(&o, orderSilence); err != nil {
			a.log("%s is gone: %v", c.RemoteAddr(), err)
			return
		}
		said, err := s.follow(&o)
		if err != nil {
			said = answer{Error: err.Error()}
			a.log("%s: %v", o.Do, err)
		}
		if s.run == nil {
			end() // so that who has the answer may begin anew
		}
		if err := c.Send(&said); err != nil {
			a.log("%s is gone: %v", c.RemoteAddr(), err)
			return
		}
		if err != nil || o.Do == doFinish {
			return
		}
	}
}

// service is what an agent does for one coordinator. One goroutine owns it.
type service struct {
	agent   *agent
	refusal error // of everything
	run     *run  // nil: not prepared
	begun   bool
	ender   *time.Timer // ends a run that takes too long
}

// end frees what the run has, whatever became of it.
func (s *service) end() {
	if s.run == nil {
		return
	}
	s.run.fail(errors.New("its coordinator is gone"))
	if s.begun {
		s.ender.Stop()
		s.run.gens.finish()
	} else {
		s.run.abandon()
	}
}

// errOrder is an order out of its place.
var errOrder = errors.New("an order that makes no sense now")

// follow does what it is told, and says what comes of it. An error ends the service.
func (s *service) follow(o *order) (answer, error) {
	switch {
	case s.refusal != nil:
		return answer{}, s.refusal
	case o.Do == doPrepare && s.run == nil && o.Prepare != nil:
		return s.prepare(o.Prepare)
	case s.run == nil:
		return answer{}, errOrder
	case o.Do == doBegin && !s.begun:
		return s.begin(o.Ago)
	case o.Do == doLook && !s.begun:
		return answer{Told: s.run.told()}, nil
	case !s.begun:
		return answer{}, errOrder
	}
	if err := s.run.failure.Load(); err != nil {
		return answer{}, *err
	}
	switch {
	case o.Do == doLook:
		return answer{Told: s.run.told()}, nil
	case o.Do == doFill:
		s.run.filling.Store(true)
		s.run.nudge()
	case o.Do == doPlan && o.Plan != nil:
		s.run.follow(o.Plan)
		s.run.nudge()
	case o.Do == doHalt && s.run.plan.Load() != nil:
		s.run.halt.Store(true)
		s.run.nudge()
	case o.Do == doFinish:
		return s.finish()
	default:
		return answer{}, errOrder
	}
	return answer{}, nil
}

// prepare makes the run, within what this agent may be asked for.
func (s *service) prepare(a *assignment) (answer, error) {
	limits := &s.agent.cfg
	if a.Version != limits.Version {
		return answer{}, fmt.Errorf("this agent is version %s, its coordinator %s: use the same build", limits.Version, a.Version)
	}
	cfg := a.Config
	if cfg.Protocol == Caravan && limits.Mint == nil {
		return answer{}, errors.New("this agent has no --jwt-secret to sign tokens with")
	}
	cfg.Mint, cfg.Admin, cfg.ServerPID, cfg.Durability = limits.Mint, "", 0, ""
	for i := range cfg.Others {
		cfg.Others[i] = Node{URL: cfg.Others[i].URL}
	}
	if cfg.Connections < 1 || cfg.Connections >= connectionsMax || cfg.Rooms < 1 || cfg.Rooms > cfg.Connections {
		return answer{}, errOrder
	}
	mine := cfg.shareOf(a.Share.Index, a.Share.Of)
	if err := mine.check(&cfg); err != nil {
		return answer{}, err
	}
	seats := mine.seats(&cfg)
	if limits.ConnectionsMax > 0 && seats > limits.ConnectionsMax {
		return answer{}, fmt.Errorf("%d connections are wanted, this agent makes %d at most", seats, limits.ConnectionsMax)
	}
	if cfg.Sources == 0 && !cfg.toLoopback() {
		cfg.Sources = cfg.sourcesFor(seats) // the others have addresses of their own
	}
	cfg.Workers = min(cfg.Workers, seats)
	if err := cfg.complete(); err != nil {
		return answer{}, err
	}
	if cfg.budget() > limits.TimeMax {
		return answer{}, fmt.Errorf("the run may take %v, this agent gives it %v at most", cfg.budget().Round(time.Second), limits.TimeMax)
	}
	r, err := newRun(&cfg, mine)
	if err != nil {
		return answer{}, err
	}
	if err := limits.allow(r.nodes); err != nil {
		return answer{}, err
	}
	r.id, r.key = a.Run, a.Key
	if err := r.hire(); err != nil {
		return answer{}, err
	}
	s.run = r
	return answer{Ready: &ready{
		Machine: proc.Machine(), Boot: proc.Boot(), PID: os.Getpid(), Connections: seats, Files: proc.FileLimit(os.Getpid()),
	}}, nil
}

// allow refuses servers that the agent may not connect to.
func (c *AgentConfig) allow(nodes []node) error {
	for i := range nodes {
		to := nodes[i].address.Addr()
		allowed := false
		for _, p := range c.Targets {
			allowed = allowed || p.Contains(to)
		}
		if !allowed {
			return fmt.Errorf("this agent may not connect to %v: see its --targets", to)
		}
	}
	return nil
}

// begin lets the connections begin; the run has been going on for some time.
func (s *service) begin(ago time.Duration) (answer, error) {
	r := s.run
	s.begun = true
	s.ender = time.AfterFunc(r.cfg.budget()+agentSpareTime, func() { r.fail(errors.New("the run took longer than it was to take")) })
	s.agent.log("%d connections to %s", r.share.seats(r.cfg), r.cfg.URL)
	r.began = time.Now().Add(-ago)
	return answer{}, r.gens.begin()
}

func (s *service) finish() (answer, error) {
	r := s.run
	s.run = nil // it has ended
	s.ender.Stop()
	y := r.gens.finish()
	if err := r.failure.Load(); err != nil { // in its last moments
		return answer{}, *err
	}
	found, err := y.tell()
	return answer{Found: found}, err
}

// told is what this agent has seen and spent.
func (r *run) told() *told {
	g := r.gens.look()
	t := &told{Halted: g.seen.halted, Slept: g.slept, CPU: g.self, Machine: proc.MachineTimes(), Recent: binnedOf(0, g.times())}
	for _, n := range g.seen.counts() {
		t.Counts = append(t.Counts, *n)
	}
	return t
}
