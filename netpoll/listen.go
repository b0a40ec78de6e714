package netpoll

import (
	"fmt"
	"sync"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/caravan-chat/caravan/netpoll/claim"
	"github.com/caravan-chat/caravan/netpoll/frame"
)

// Listen checks the Config and reserves the address, so that an address in use is
// an error here; connections are accepted from Run on. A Server that is not run
// must be closed. Where it fails, a Config.Address is still the caller's.
func Listen(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	files, err := claim.Files(cfg.ConnectionsMax)
	if err != nil {
		return nil, fmt.Errorf("netpoll: %w", err)
	}
	if files.ConnectionsMax < cfg.ConnectionsMax {
		cfg.Log.Warn("netpoll: fewer connections than asked for: limit of open files",
			"asked", cfg.ConnectionsMax, "connections", files.ConnectionsMax)
	}
	address := cfg.Address
	if address == nil {
		if address, err = claim.Reserve(cfg.Addr, false); err != nil {
			return nil, fmt.Errorf("netpoll: %w", err)
		}
	}
	s := &Server{
		cfg:       cfg,
		address:   address,
		engineLog: &engineLog{log: cfg.Log},
		ready:     make(chan struct{}),
		quit:      make(chan struct{}),
		done:      make(chan struct{}),
	}
	s.engineLog.acceptFailed = s.acceptFailed
	s.share(&cfg, files)
	s.listeners.Store(int64(cfg.Loops))
	for i := range cfg.Loops {
		l := newLoop(&s.shared, cfg.Handler, i)
		l.parting = cfg.Part
		s.loops = append(s.loops, l)
	}
	return s, nil
}

// share fills in what the loops have in common.
func (s *shared) share(cfg *Config, files claim.Descriptors) {
	plain := frame.Limits{MessageBytesMax: cfg.MessageBytesMax, TextOnly: cfg.TextOnly}
	deflated := plain
	deflated.Compression = true
	s.limits = limits{
		connectionsMax:   int64(files.ConnectionsMax),
		fdMax:            files.FDMax,
		requestBytesMax:  cfg.RequestBytesMax / cfg.Loops,
		begunBytesMax:    cfg.BegunBytesMax / cfg.Loops,
		handshakeTimeout: cfg.HandshakeTimeout,
		pingInterval:     cfg.PingInterval,
		idleTimeout:      cfg.IdleTimeout,
		scanPeriod:       scanPeriodOf(cfg),
		messageBytesMax:  cfg.MessageBytesMax,
		frames:           [2]frame.Limits{framesPlain: plain, framesDeflate: deflated},
		outboxBytesMax:   cfg.OutboxBytesMax,
		slowCloseCode:    cfg.SlowCloseCode,
	}
	s.webSocketsMax.Store(int64(cfg.WebSocketsMax))
	s.compression = cfg.Compression
	s.epoch = time.Now()
	s.log = cfg.Log
	s.refusalBody, s.refusalHeader, s.turnedAway = cfg.RefusalBody, cfg.RefusalHeader, cfg.TurnedAway
	s.proxied = cfg.Proxied
	if cfg.HTTP != nil {
		s.handovers = make(chan handover, handoversMax)
	}
}

// scanPeriodOf returns the time in which each connection is looked at once: a quarter of
// the shortest timeout, within bounds.
func scanPeriodOf(cfg *Config) time.Duration {
	shortest := min(cfg.HandshakeTimeout, cfg.PingInterval, cfg.IdleTimeout)
	return min(max(shortest/4, tickPeriod), scanPeriodMax)
}

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
	err := gnet.Run((*events)(s), s.address.URL(), gnet.WithOptions(gnet.Options{
		NumEventLoop: s.cfg.Loops,
		ReusePort:    true,
		ReuseAddr:    true,
		Ticker:       true,
		TCPNoDelay:   gnet.TCPNoDelay,
		Logger:       s.engineLog,
	}))
	s.stopping.Store(true)
	for _, l := range s.loops {
		l.stopped()
	}
	close(s.done)
	http.Wait()
	for _, w := range s.wakers {
		w.release()
	}
	s.address.Release()
	return s.verdict(err)
}
