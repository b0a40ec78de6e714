// Package admin is the operator's own port: is the server alive, is it ready,
// what does it measure, where does its time go.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/room/backplane"
)

// Config says what answers on the admin port.
type Config struct {
	Addr string
	// ReusePort allows another process of the same user to listen on Addr, where it does
	// so, too.
	ReusePort bool
	// AllowHost says whether a request with that Host is answered.
	AllowHost func(host string) bool
	// Profiles answers /debug/pprof/ wherever the port listens; otherwise only on a
	// loopback address.
	Profiles bool
	// Obstacles says why the server is not ready; nothing means that it is. It is
	// called for each /readyz, concurrently.
	Obstacles func() []string
	Metrics   http.Handler
	Node      Node
	Name      string                                          // of the node, for people
	Nodes     func(context.Context) ([]backplane.Node, error) // that share a Redis; nil: this one is alone
	Log       *slog.Logger
}

// Server answers on the admin port. It owns its goroutine until Close.
type Server struct {
	listener net.Listener
	http     *http.Server
	ended    chan struct{}
	left     atomic.Bool // Leave was called
}

const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 10 * time.Second // for a whole request; none has a body that anybody reads
	answerTimeout  = 3 * time.Minute  // for an answer, the longest profile included
	closeTimeout   = time.Second      // for answers under way when the server ends
	headerBytesMax = 16 << 10
	connectionsMax = 256
)

// Listen binds the address and begins to answer.
func Listen(cfg Config) (*Server, error) {
	listener, err := bind(cfg)
	if err != nil {
		return nil, fmt.Errorf("admin port (--admin-listen): %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"alive": true})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		status, reasons := http.StatusOK, cfg.Obstacles()
		if len(reasons) > 0 {
			status = http.StatusServiceUnavailable
		} else {
			reasons = []string{}
		}
		answer(w, status, map[string]any{"ready": len(reasons) == 0, "reasons": reasons})
	})
	mux.Handle("GET /metrics", cfg.Metrics)
	mux.Handle("GET /debug/pprof/", profiles(cfg.Profiles || isLoopback(listener.Addr())))
	mux.Handle("GET /nodes", &nodes{name: cfg.Name, list: cfg.Nodes, turn: make(chan struct{}, 1)})
	page(mux)
	operate(mux, cfg.Node, cfg.Log)
	held := &places{most: connectionsMax, open: make(map[net.Conn]struct{})}
	s := &Server{
		listener: listener,
		http: &http.Server{
			Handler: ownHosts(cfg.AllowHost, mux), ConnState: held.changed, MaxHeaderBytes: headerBytesMax,
			ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: answerTimeout,
			ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
		},
		ended: make(chan struct{}),
	}
	// Whoever hides a request in another one, from a proxy that lets one path through, has
	// it answered by nobody. What asks here comes seldom, and needs no connection that stays.
	s.http.SetKeepAlivesEnabled(false)
	go func() {
		defer close(s.ended)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) && !s.left.Load() {
			cfg.Log.Error("the admin port failed", "error", err)
		}
	}()
	return s, nil
}

func bind(cfg Config) (net.Listener, error) {
	var how net.ListenConfig
	if cfg.ReusePort {
		how.Control = func(_, _ string, socket syscall.RawConn) error {
			var set error
			err := socket.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
			return errors.Join(err, set)
		}
	}
	return how.Listen(context.Background(), "tcp", cfg.Addr)
}

// Leave accepts no more requests: another process that listens there gets them. Answers
// under way go on until Close.
func (s *Server) Leave() {
	s.left.Store(true)
	_ = s.listener.Close()
}

// Addr is the address that is listened on, with the real port.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close ends the server; answers under way get a moment.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if s.left.Load() && errors.Is(err, net.ErrClosed) {
		err = nil // Leave has closed it
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.ended
	return err
}

// ownHosts answers 421 to a Host that is not this server's: of a page whose name was
// made to lead here (DNS rebinding).
func ownHosts(allow func(string) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allow(r.Host) {
			answer(w, http.StatusMisdirectedRequest, map[string]any{
				"detail": "This port does not answer to that name: see --admin-hosts", "code": "misdirected",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who asked has left
}
