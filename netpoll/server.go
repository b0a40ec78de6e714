package netpoll

import (
	"context"
	"net/netip"
)

// Server is a running engine. All methods are safe from any goroutine.
type Server struct {
	cfg   Config
	loops []*Loop
}

// Listen checks the Config and reserves the address, so that an address in use is
// an error here; connections are accepted from Run on.
func Listen(cfg Config) (*Server, error) { panic("skeleton") }

// Addr returns the address, with the real port.
func (s *Server) Addr() netip.AddrPort { panic("skeleton") }

// Loops returns the loops. Posting to them is allowed before Run: they begin with it.
func (s *Server) Loops() []*Loop { return s.loops }

// Ready is closed when all loops run and connections are accepted.
func (s *Server) Ready() <-chan struct{} { panic("skeleton") }

// Run serves until Close, which makes it return nil. Any other end is an error.
// When it returns, no call of the Handler is under way and none will come.
func (s *Server) Run() error { panic("skeleton") }

// Drain refuses new connections with 503 and closes the open ones with
// CloseRestart, at random moments spread over most of the time until ctx's
// deadline (or Config.DrainTimeout), so that a fleet does not come back in one
// instant. It returns nil when the last one is gone, or ctx's error. The engine
// runs on, until Close. Connections that were given to Config.HTTP are not its
// concern.
func (s *Server) Drain(ctx context.Context) error { panic("skeleton") }

// Close ends the engine at once: every connection is dropped. It does not wait:
// Run's return is the end.
func (s *Server) Close() { panic("skeleton") }

// Stats returns what was counted so far.
func (s *Server) Stats() Stats { panic("skeleton") }
