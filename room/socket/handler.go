package socket

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/unsent"
	"github.com/caravan-chat/caravan/room/visit"
)

// Config has what an operator may tune. Zero values mean the defaults.
type Config struct {
	// AllowOrigin says whether a page of that Origin may connect to that Host.
	// Nil: every page may.
	AllowOrigin func(origin, host string) bool

	Limits

	Allowances *allowance.Table // what each user may ask for, over all connections together; nil: no limit

	Unsent *unsent.Limit // of what is made for clients and not sent yet; nil: none

	// ReconnectAfter says how long a client that is sent away had better wait before it comes
	// back. It is called on the loops. Nil: clients are not told.
	ReconnectAfter func() time.Duration

	Proxies *visit.Proxies // whose word on a client's address is believed; nil: nobody's

	Addresses *visit.Addresses // what clients of one address may do; nil: anything

	Visits *visit.Log // who was turned away, and who came; nil: nobody is told

	Observer     Observer      // nil: nobody
	RecheckEvery time.Duration // how often rights are checked again; default 20 s
	// RecheckAllEvery is how often all are that did not change as far as the store can say;
	// default 10 minutes.
	RecheckAllEvery time.Duration
	Log             *slog.Logger
}

// Limits are what an operator may change while the handler is at work.
type Limits struct {
	Frames     allowance.Rate // client frames of one connection; zero: no limit
	FrameBytes allowance.Rate // their bytes, before or after inflation; zero: no limit

	PerUser int // connections of one user; 0: no limit

	RoomsPerConnection int // rooms of a user socket; default 200

	refusals allowance.Rate // follows from Frames
}

// Limits that no flag changes.
const (
	heldBatchesMax      = 4_096 // batches held back for a joining session; over it is closed as slow
	recheckEveryDefault = 20 * time.Second
	recheckAllDefault   = 10 * time.Minute
	roomsDefault        = 200
	readAheadMax        = 8               // histories that are read together with one that is not in memory
	stillHereEvery      = 5 * time.Minute // and so often it is noted that a user is connected, for the case that the process dies
)

// Handler is the netpoll.Handler of the chat.
type Handler struct {
	svc      *room.Service
	cfg      Config
	log      *slog.Logger
	loops    []*loopState // by loop
	rechecks chan recheck
	speaking speaking
	limits   atomic.Pointer[Limits]
	limited  limited
	kicked   atomic.Int64

	overPerUser atomic.Int64
	users       userStats

	watchers  atomic.Int64 // seats that are told who has read how far
	readsTold atomic.Int64 // frames that said so, but for the first ones

	presenceWatchers atomic.Int64 // seats that are told who is in their room
	presenceTold     atomic.Int64 // frames that said so, but for the first ones

	life    context.Context // until Stop
	stop    context.CancelFunc
	running sync.WaitGroup
}

var _ netpoll.Handler = (*Handler)(nil)

// New returns the handler for a server with so many loops, and with TextOnly in
// its Config. Stop it after the server.
func New(svc *room.Service, loops int, cfg Config) *Handler {
	if cfg.AllowOrigin == nil {
		cfg.AllowOrigin = func(string, string) bool { return true }
	}
	if cfg.Allowances == nil {
		cfg.Allowances = allowance.New(allowance.Rates{})
	}
	if cfg.RecheckEvery <= 0 {
		cfg.RecheckEvery = recheckEveryDefault
	}
	if cfg.RecheckAllEvery <= 0 {
		cfg.RecheckAllEvery = recheckAllDefault
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	h := &Handler{svc: svc, cfg: cfg, log: cfg.Log, rechecks: make(chan recheck, loops), life: ctx, stop: stop}
	h.SetLimits(cfg.Limits)
	for range loops {
		h.loops = append(h.loops, newLoopState(h))
	}
	h.running.Go(func() { h.recheck(ctx) })
	return h
}

// SetLimits changes the limits, of those who are connected as well. Nobody is sent away. It
// is safe for concurrent use.
func (h *Handler) SetLimits(l Limits) {
	if l.RoomsPerConnection <= 0 {
		l.RoomsPerConnection = roomsDefault
	}
	l.refusals = refusals(l.Frames)
	h.limits.Store(&l)
}

// Stats are figures since the start.
type Stats struct {
	OverPerUser int64                          // connections that were closed because the user had too many
	Kicked      int64                          // connections that an operator has closed
	OverRate    int64                          // frames that were refused because there were too many
	SpeakingNow [protocol.VersionMax + 1]int64 // members by the version that they speak
	Allowances  allowance.Stats

	WatchersNow                   int64                        // members that are told who has read how far
	ReadsTold                     int64                        // frames that said so, but for those that a member begins with
	PresenceWatchersNow           int64                        // members that are told who is in their room
	PresenceTold                  int64                        // frames that said so, but for those that a member begins with
	UserSocketsNow, SubscribedNow int64                        // user sockets, and the rooms that are subscribed on them
	Left                          map[protocol.CloseCode]int64 // rooms that user sockets were told to have left, or could not enter
}

// Stats returns the present figures.
func (h *Handler) Stats() Stats {
	st := Stats{SpeakingNow: h.speaking.now(), OverPerUser: h.overPerUser.Load(), Kicked: h.kicked.Load(), OverRate: h.limited.frames.Load(), Allowances: h.cfg.Allowances.Stats(),
		WatchersNow: h.watchers.Load(), ReadsTold: h.readsTold.Load(),
		PresenceWatchersNow: h.presenceWatchers.Load(), PresenceTold: h.presenceTold.Load()}
	h.users.add(&st)
	return st
}

// Stop ends the handler's goroutines. The server must have stopped.
func (h *Handler) Stop() {
	h.stop()
	h.running.Wait()
}

// Upgrade implements netpoll.Handler. It looks at the request only; token and
// rights are checked once the connection is open, so that a client learns of a
// refusal by a close code, which browsers show to their page.
func (h *Handler) Upgrade(r *netpoll.Request) (any, *netpoll.Refusal) {
	from := h.cfg.Proxies.Client(r.Remote.Addr(), r.Joined)
	s, refusal := h.admit(r, from)
	if refusal != nil {
		h.cfg.Visits.TurnedAway(refusal.why, refusal.detail, from, r.Path)
		return nil, refusal.Refusal
	}
	s.door.path, s.door.from = r.Path, from
	if from != r.Remote.Addr() {
		r.Remote = netip.AddrPortFrom(from, 0)
	}
	if h.cfg.Visits.WritesAccess() {
		s.door.begun = time.Now()
	}
	return s, nil
}

// Open implements netpoll.Handler.
func (h *Handler) Open(c *netpoll.Conn) {
	s := c.Session().(*session)
	s.conn = c
	if s.seats == nil {
		c.Cork() // the history, or a close, follows at once unless the store is slow
	}
	s.enter()
}

// Wait implements netpoll.Handler.
func (h *Handler) Wait(c *netpoll.Conn) time.Duration {
	return c.Session().(*session).mustWait(c.Loop().Now())
}

// Message implements netpoll.Handler. All messages are text, as the server's
// Config says TextOnly. None comes before its seat is live; see mustWait.
func (h *Handler) Message(c *netpoll.Conn, _ netpoll.Kind, payload []byte) {
	s := c.Session().(*session)
	s.takeBytes(max(len(payload), c.Received()), c.Loop().Now())
	if s.state == open {
		s.handle(payload)
	}
}

// Close implements netpoll.Handler.
func (h *Handler) Close(c *netpoll.Conn, why netpoll.Closed) {
	s := c.Session().(*session)
	s.leave()
	s.tellStay(why)
}

// Tick implements netpoll.Handler.
func (h *Handler) Tick(l *netpoll.Loop, now time.Time) {
	h.loops[l.Index()].tick(l, now)
	if l.Index() == 0 {
		h.tellLimited(now)
	}
}
