package rest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// Server answers REST calls on the connections that it is handed. All methods
// are safe for concurrent use.
type Server struct {
	// Static after construction.
	cfg  Config
	log  *slog.Logger
	http *fasthttp.Server
	ln   *listener

	// polling ends when the server drains: waiting long polls are answered then.
	// living ends when the time for that is nearly over, or when the server is
	// closed: everything else is given up then.
	polling, living         context.Context
	stopPolling, stopLiving context.CancelFunc

	mu     sync.Mutex
	closed bool           // guarded by mu
	calls  sync.WaitGroup // those that may ask Config.Chat; added to under mu, while not closed

	requests  atomic.Int64 // under way, long polls apart
	longPolls atomic.Int64
	panics    atomic.Int64
	crowded   atomic.Int64
}

// New returns a server that serves once Run is called.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, log: cfg.Log, ln: newListener(cfg.Limits.Connections)}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.living, s.stopLiving = context.WithCancel(context.Background())
	s.polling, s.stopPolling = context.WithCancel(s.living)
	s.http = &fasthttp.Server{
		Handler:      s.serve,
		ErrorHandler: s.unreadable,
		Logger:       quiet{s.log},

		Concurrency:        2 * cfg.Limits.Connections, // the listener counts; a worker ends a little later than its connection
		ReadBufferSize:     headerBytesMax,             // a header that does not fit is refused with 431
		ReadTimeout:        readTimeout,
		WriteTimeout:       writeTimeout,
		IdleTimeout:        idleTimeout,
		MaxRequestBodySize: cfg.Limits.BodyBytes,

		ReduceMemoryUsage:            true, // idle connections and long polls hold no buffers
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		DisablePreParseMultipartForm: true,
		SecureErrorLogMessage:        true, // request lines may hold tokens
	}
	return s
}

// Run serves until Drain or Close. Its error is nil then.
func (s *Server) Run() error {
	if err := s.http.Serve(s.ln); err != nil {
		return fmt.Errorf("serve REST: %w", err)
	}
	return nil
}

// Hand gives the server a connection that carries plain HTTP; what was read from
// it already must be read again from c. It never blocks. Over the limit of
// connections, and after Drain, c is answered 503 and closed.
func (s *Server) Hand(c net.Conn) {
	if !s.ln.hand(c) {
		s.crowded.Add(1)
		s.turnAway(c)
	}
}

// Drain answers the long polls that wait, refuses new connections, lets requests
// that are under way finish and closes their connections. Those that are not done
// shortly before ctx's deadline are answered 503. It returns when none is left, or
// with ctx's error.
func (s *Server) Drain(ctx context.Context) error {
	s.stopPolling()
	if deadline, ok := ctx.Deadline(); ok {
		last := time.AfterFunc(time.Until(deadline)-lastAnswersTime, s.stopLiving)
		defer last.Stop()
	}
	if err := s.http.ShutdownWithContext(ctx); err != nil {
		return fmt.Errorf("drain REST: %w", err)
	}
	return nil
}

// Close ends what Drain has left and closes every connection. When it returns
// Config.Chat is not asked any more.
func (s *Server) Close() {
	s.stopLiving()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.ln.closeAll()
	s.calls.Wait()
}

// begin counts a call that may ask Config.Chat, until calls.Done; false after Close.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.calls.Add(1)
	}
	return !s.closed
}

// Stats are figures since the start, but for those whose name ends in Now.
type Stats struct {
	ConnectionsNow, RequestsNow, LongPollsNow int64
	Panics                                    int64
	Crowded                                   int64 // connections and requests that were answered 503 because of Limits
	Untaken                                   int64 // answers that were cut off because the client did not take them
}

// Stats returns the present figures.
func (s *Server) Stats() Stats {
	return Stats{
		ConnectionsNow: s.ln.open(),
		RequestsNow:    s.requests.Load(),
		LongPollsNow:   s.longPolls.Load(),
		Panics:         s.panics.Load(),
		Crowded:        s.crowded.Load(),
		Untaken:        s.ln.untaken.Load(),
	}
}

// observe tells the observer of an answer.
func (s *Server) observe(route string, status int, since time.Time) {
	if s.cfg.Observer != nil {
		s.cfg.Observer.Answered(route, status, time.Since(since))
	}
}

// quiet takes what fasthttp has to say of single connections, which nobody needs
// unless they look for it.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(format string, args ...any) {
	q.log.Debug("rest: " + fmt.Sprintf(format, args...))
}
