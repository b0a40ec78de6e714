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
	"net/http/pprof"
	"time"
)

// Server answers on the admin port. It owns its goroutine until Close.
type Server struct {
	listener net.Listener
	http     *http.Server
	ended    chan struct{}
}

const (
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
	closeTimeout  = time.Second // for answers under way when the server ends
)

// Listen binds addr and begins to answer. obstacles says why the server is not
// ready; nothing means that it is. It is called for each /readyz, concurrently.
func Listen(addr string, obstacles func() []string, metrics http.Handler, log *slog.Logger) (*Server, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("admin port (--admin-listen): %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"alive": true})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		status, reasons := http.StatusOK, obstacles()
		if len(reasons) > 0 {
			status = http.StatusServiceUnavailable
		} else {
			reasons = []string{}
		}
		answer(w, status, map[string]any{"ready": len(reasons) == 0, "reasons": reasons})
	})
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := &Server{
		listener: listener,
		http: &http.Server{
			Handler: mux, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
		ended: make(chan struct{}),
	}
	go func() {
		defer close(s.ended)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the admin port failed", "error", err)
		}
	}()
	return s, nil
}

// Addr is the address that is listened on, with the real port.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close ends the server; answers under way get a moment.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.ended
	return err
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who asked has left
}
