package netpoll

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/caravan-chat/caravan/netpoll/frame"
)

// Server is an engine. All methods are safe from any goroutine.
type Server struct {
	// Static after construction.
	cfg        Config
	loops      []*Loop
	limits     [2]frame.Limits // by limitsPlain, limitsDeflate
	files      descriptors
	scanPeriod time.Duration
	epoch      time.Time // moment 0
	address    *reservation
	log        *engineLog

	// Any goroutine.
	sockets    atomic.Int64 // with gnet
	webSockets atomic.Int64 // of them, those that are open
	https      atomic.Int64 // with Config.HTTP, or on the way to it
	httpPanics atomic.Uint64
	draining   atomic.Bool
	stopping   atomic.Bool
	handovers  chan handover
	ready      chan struct{} // closed when all loops run
	quit       chan struct{} // closed when the engine begins to end
	done       chan struct{} // closed when the loops have ended
	binding    sync.Mutex    // orders the binding of loops to gnet's
	adopting   sync.RWMutex  // held for reading by Adopt

	anchorOnce sync.Once
	anchors    []*anchor // of the ticker's goroutine, until done

	mu      sync.Mutex
	state   serverState // guarded by mu
	engine  gnet.Engine // guarded by mu until running
	failure error       // guarded by mu: why the server closed itself
}

// serverState is where a Server stands. It only moves downwards.
type serverState uint8

const (
	serverBound   serverState = iota // the address is reserved
	serverRunning                    // Run was called
	serverClosed                     // Close was called
)

// Indices of Server.limits.
const (
	limitsPlain = iota
	limitsDeflate
)

// Errors of Run.
var (
	ErrRunning = errors.New("netpoll: Run was called before")
	errCrashed = errors.New("netpoll: the engine ended by itself")
)

// Listen checks the Config and reserves the address, so that an address in use is
// an error here; connections are accepted from Run on. A Server that is not run
// must be closed.
func Listen(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	files, err := claimDescriptors(cfg.ConnectionsMax)
	if err != nil {
		return nil, err
	}
	if files.connectionsMax < cfg.ConnectionsMax {
		cfg.Log.Warn("netpoll: fewer connections than asked for: limit of open files",
			"asked", cfg.ConnectionsMax, "connections", files.connectionsMax)
	}
	address, err := reserve(cfg.Addr)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg:        cfg,
		files:      files,
		scanPeriod: scanPeriod(&cfg),
		epoch:      time.Now(),
		address:    address,
		log:        &engineLog{log: cfg.Log},
		handovers:  make(chan handover, handoversMax),
		ready:      make(chan struct{}),
		quit:       make(chan struct{}),
		done:       make(chan struct{}),
	}
	s.limits[limitsPlain] = frame.Limits{MessageBytesMax: cfg.MessageBytesMax, TextOnly: cfg.TextOnly}
	s.limits[limitsDeflate] = s.limits[limitsPlain]
	s.limits[limitsDeflate].Compression = true
	for i := range cfg.Loops {
		s.loops = append(s.loops, newLoop(s, i))
	}
	return s, nil
}

// scanPeriod is the time in which each connection is looked at once: a quarter of
// the shortest timeout, within bounds.
func scanPeriod(cfg *Config) time.Duration {
	shortest := min(cfg.HandshakeTimeout, cfg.PingInterval, cfg.IdleTimeout)
	return min(max(shortest/4, tickPeriod), scanPeriodMax)
}

// Addr returns the address, with the real port.
func (s *Server) Addr() netip.AddrPort { return s.address.addr }

// Loops returns the loops. Posting to them is allowed before Run: they begin with it.
func (s *Server) Loops() []*Loop { return s.loops }

// Ready is closed when all loops run and connections are accepted.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run serves until Close, which makes it return nil. Any other end is an error.
// When it returns, no call of the Handler is under way and none will come.
func (s *Server) Run() error {
	s.mu.Lock()
	state := s.state
	s.state = max(s.state, serverRunning)
	s.mu.Unlock()
	switch state {
	case serverBound:
	case serverRunning:
		return ErrRunning
	case serverClosed:
		return nil
	}

	var http sync.WaitGroup
	http.Go(s.deliverHTTP)
	err := gnet.Run((*events)(s), s.address.url(), gnet.WithOptions(gnet.Options{
		NumEventLoop: s.cfg.Loops,
		ReusePort:    true,
		ReuseAddr:    true,
		Ticker:       true,
		TCPNoDelay:   gnet.TCPNoDelay,
		Logger:       s.log,
	}))
	s.stopping.Store(true)
	for _, l := range s.loops {
		l.stopped()
	}
	close(s.done)
	http.Wait()
	for _, a := range s.anchors {
		a.release()
	}
	s.address.release()
	return s.verdict(err)
}

// verdict says how the engine's end is to be understood: gnet returns nil also
// where an accept failed.
func (s *Server) verdict(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failure != nil:
		return s.failure
	case err != nil:
		return fmt.Errorf("netpoll: %w", err)
	case s.state != serverClosed:
		return fmt.Errorf("%w: %s", errCrashed, s.log.last())
	default:
		return nil
	}
}

// booted keeps the engine, to stop it.
func (s *Server) booted(engine gnet.Engine) gnet.Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == serverClosed {
		return gnet.Shutdown
	}
	s.engine = engine
	return gnet.None
}

// Close ends the engine at once: every connection is dropped, a Drain that is
// under way returns. It does not wait: Run's return is the end.
func (s *Server) Close() { s.fail(nil) }

// fail ends the engine for a reason; nil where it was asked to.
func (s *Server) fail(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case serverBound:
		s.address.release()
		close(s.done)
	case serverRunning:
		s.failure = why
	case serverClosed:
		return
	}
	s.state = serverClosed
	// Stop waits for the end, by polling, unless its context is over; all it has
	// to do here is to ask. Before OnBoot it has nobody to ask: booted sees to it.
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.engine.Stop(over)
}

// stopped is called when the loop's goroutine has ended: what was left to say is said.
func (l *Loop) stopped() {
	l.retry.Stop()
	l.mail.close()
	l.sayFarewells()
	l.show()
}
