package netpoll

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/panjf2000/gnet/v2"

	"github.com/caravan-chat/caravan/netpoll/claim"
)

// Server is an engine. All methods are safe from any goroutine.
type Server struct {
	shared // with the loops

	// Static after construction.
	cfg       Config
	loops     []*Loop
	address   *claim.Address
	engineLog *engineLog

	// Any goroutine.
	httpPanics     atomic.Uint64
	acceptFailures atomic.Uint64
	acceptTold     seldom
	takeBackTold   seldom
	ready          chan struct{} // closed when all loops run
	quit           chan struct{} // closed when the engine begins to end
	done           chan struct{} // closed when the loops have ended
	binding        sync.Mutex    // orders the binding of loops to gnet's
	takingBack     sync.RWMutex  // held for reading by TakeBack

	bindOnce sync.Once
	wakers   []*waker // of the ticker's goroutine, until done

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

// Errors of Run.
var (
	ErrRunning = errors.New("netpoll: Run was called before")
	errCrashed = errors.New("netpoll: the engine ended by itself")
)

// Addr returns the address, with the real port.
func (s *Server) Addr() netip.AddrPort { return s.address.AddrPort() }

// Loops returns the loops. Posting to them is allowed before Run: they begin with it.
func (s *Server) Loops() []*Loop { return s.loops }

// BoundWebSockets changes Config.WebSocketsMax. Those that are open stay.
func (s *Server) BoundWebSockets(most int) { s.webSocketsMax.Store(int64(most)) }

// Ready is closed when all loops run and connections are accepted.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// verdict says how the engine's end is to be understood: gnet returns nil also
// where a loop failed.
func (s *Server) verdict(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failure != nil:
		return s.failure
	case err != nil:
		return fmt.Errorf("netpoll: %w", err)
	case s.state != serverClosed:
		return fmt.Errorf("%w: %s", errCrashed, s.engineLog.last())
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
		s.address.Release()
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
