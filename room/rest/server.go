package rest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/netpoll/handshake"
)

// Server answers REST calls on the connections that it is handed. All methods
// are safe for concurrent use.
type Server struct {
	// Static after construction.
	cfg       Config
	log       *slog.Logger
	bodiesMax int64

	places *places

	// polling ends when the server is about to end: waiting long polls are answered then, and
	// each answer is the last one on its connection.
	// living ends when the time for that is nearly over, or when the server is
	// closed: everything else is given up then.
	polling, living         context.Context
	ending                  chan struct{} // closed by Drain or Close, once
	end                     sync.Once
	stopPolling, stopLiving context.CancelFunc

	mu     sync.Mutex
	closed bool           // guarded by mu
	calls  sync.WaitGroup // those that may ask Config.Chat; added to under mu, while not closed

	requestsOf, pollsOf users

	downloads downloads
	requests  atomic.Int64 // at work, long polls apart
	longPolls atomic.Int64
	bodies    atomic.Int64 // bytes of memory
	panics    atomic.Int64
	untaken   atomic.Int64
	shed      atomic.Int64
	crowded   [Crowdings]atomic.Int64
}

// New returns a server that serves what it is handed from now on.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, log: cfg.Log, ending: make(chan struct{}), places: newPlaces(cfg.Limits.Connections)}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.bodiesMax = max(int64(cfg.Limits.BodiesBytes), 4*int64(cfg.Limits.BodyBytes))
	s.living, s.stopLiving = context.WithCancel(context.Background())
	s.polling, s.stopPolling = context.WithCancel(s.living)
	return s
}

// Run returns after Drain or Close, when no connection is left. Its error is nil.
func (s *Server) Run() error {
	<-s.ending
	s.places.serving.Wait()
	return nil
}

// Hand gives the server a connection that carries plain HTTP; what was read from
// it already must be read again from c. It never blocks. Where the limit of connections
// is reached, the one that waited longest for its client is closed for c; where none
// waits, and after Drain, c is answered 503 and closed.
func (s *Server) Hand(c net.Conn) {
	in := s.places.take(c)
	if in == nil {
		s.crowded[CrowdedConnections].Add(1)
		s.turnAway(c)
		return
	}
	go s.serve(in)
}

// turnAway answers 503 and closes. The request has come already, and the answer fits
// into the empty send buffer of a new connection, so neither waits; the deadlines are
// for a conn of which that is not true.
func (s *Server) turnAway(c net.Conn) {
	const wait = 10 * time.Millisecond // no answer is better than a longer one
	_ = c.SetReadDeadline(time.Now().Add(wait))
	head := make([]byte, handshake.HeaderBytesMax)
	n, _ := c.Read(head)
	_ = c.SetWriteDeadline(time.Now().Add(wait))
	_, _ = c.Write(s.refusal(tooMany(), head[:n]))
	_ = c.Close()
}

// SendAway answers the long polls that wait. Requests are answered as before, also on new
// connections, and each answer says that it is the last one on its connection. It is for the time before a Drain.
func (s *Server) SendAway() { s.stopPolling() }

// Drain answers the long polls that wait, refuses new connections, lets requests
// that are under way finish and closes their connections. Those that are not done
// shortly before ctx's deadline are answered 503. It returns when none is left, or
// with ctx's error.
func (s *Server) Drain(ctx context.Context) error {
	s.stopPolling()
	s.end.Do(func() { close(s.ending) })
	s.places.close()
	if deadline, ok := ctx.Deadline(); ok {
		last := time.AfterFunc(time.Until(deadline)-lastAnswersTime, s.stopLiving)
		defer last.Stop()
	}
	ended := make(chan struct{})
	go func() { // it ends with the last connection, after Close at the latest
		defer close(ended)
		s.places.serving.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain REST: %w", ctx.Err())
	}
}

// Close ends what Drain has left and closes every connection. When it returns
// Config.Chat is not asked any more.
func (s *Server) Close() {
	s.stopLiving()
	s.end.Do(func() { close(s.ending) })
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.places.cutAll()
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

// Crowding says of what there was too much for a connection or a request.
type Crowding uint8

// The crowdings.
const (
	CrowdedConnections Crowding = iota // Limits.Connections, and none of them waits
	CrowdedRequests                    // Limits.Requests
	CrowdedLongPolls                   // Limits.LongPolls
	CrowdedBodies                      // bytes of bodies
	CrowdedUser                        // what one user may have under way
	CrowdedUploads                     // attachment.UploadsMax
	CrowdedDownloads                   // Limits.Connections divided by downloadShare
	Crowdings                          // how many there are
)

var crowdingNames = [Crowdings]string{"connections", "requests", "long_polls", "bodies", "user", "uploads", "downloads"}

// String returns the reason in a word or two, for metrics.
func (c Crowding) String() string { return crowdingNames[c] }

// Stats are figures since the start, but for those whose name ends in Now.
type Stats struct {
	ConnectionsNow, RequestsNow, LongPollsNow, BodyBytesNow int64
	Panics                                                  int64
	DownloadsCut                                            int64            // files that were given up for clients of other addresses
	Yielded                                                 int64            // connections that waited for their client and were closed for new ones
	Untaken                                                 int64            // answers that were cut off because the client did not take them
	Shed                                                    int64            // connections that were closed to save memory
	Crowded                                                 [Crowdings]int64 // connections and requests that were refused because there were too many
}

// Stats returns the present figures.
func (s *Server) Stats() Stats {
	st := Stats{
		RequestsNow:  s.requests.Load(),
		LongPollsNow: s.longPolls.Load(),
		BodyBytesNow: s.bodies.Load(),
		Panics:       s.panics.Load(),
		Untaken:      s.untaken.Load(),
		Shed:         s.shed.Load(),
		DownloadsCut: s.downloads.gaveWay(),
	}
	st.ConnectionsNow, st.Yielded = s.places.figures()
	for i := range s.crowded {
		st.Crowded[i] = s.crowded[i].Load()
	}
	return st
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
