// Package app is a whole Caravan server: it opens the parts in the order in
// which they need each other, runs them, and stops them in the order in which
// nothing that was accepted is lost. End-to-end tests run the same App as
// `caravan serve`.
//
//	start: open files → the ports are reserved → store → backplane → chat → loops → ready
//	stop:  not ready, and served as before for --shutdown-delay → no new connections →
//	       each client is answered and sent away with 1012, spread over the drain time →
//	       REST → lanes → store
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/cmd/caravan/admin"
	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/cmd/caravan/memory"
	"github.com/caravan-chat/caravan/cmd/caravan/metrics"
	"github.com/caravan-chat/caravan/cmd/caravan/traces"
	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/netpoll/claim"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/postgres"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/backplane"
	"github.com/caravan-chat/caravan/room/rest"
	"github.com/caravan-chat/caravan/room/socket"
	"github.com/caravan-chat/caravan/room/trace"
	"github.com/caravan-chat/caravan/room/unsent"
	"github.com/caravan-chat/caravan/room/visit"
)

// App is one server. Open, Run and Close are called once each, in that order,
// by one goroutine.
type App struct {
	cfg     *config.Config
	version Version
	log     *slog.Logger

	operator Operator

	// Set by Open, in this order.
	metrics    *metrics.Metrics
	visits     *visit.Log
	tracer     *trace.Tracer // nil: nothing is traced
	traces     *traces.Exporter
	proxies    visit.Proxies
	addresses  *visit.Addresses
	address    *claim.Address // of the one port; Release may be called again
	admin      *admin.Server  // nil: switched off
	store      Store
	watch      *storeWatch
	tokens     keys
	demo       *demoTokens          // nil: no --dev
	backplane  *backplane.Backplane // nil: one node
	allowances *allowance.Table     // what each user may ask for
	files      *files               // nil: there are no attachments
	chat       *room.Service
	handler    *socket.Handler
	rest       *rest.Server
	sockets    *netpoll.Server
	unsent     *unsent.Limit
	budget     memory.Budget
	memory     *memory.Watch

	live    atomic.Pointer[config.Config] // cfg, or what Reload took over
	reloads sync.Mutex
	phase   atomic.Int32
	goneBy  time.Time // when a drain is over; set before it begins
	running sync.WaitGroup
	ended   chan error // what Run's parts returned; room for all of them
}

// The phases of an App.
const (
	starting int32 = iota
	serving
	stopping // not ready, and as before otherwise
	draining
)

// Version says what runs.
type Version struct{ Version, Commit, Go string }

// New returns an App that is not open yet. The configuration has been checked.
func New(cfg *config.Config, version Version, log *slog.Logger) *App {
	a := &App{cfg: cfg, version: version, log: log, ended: make(chan error, 2)}
	a.OperatedBy(Operator{Stop: func() {}, Level: new(slog.LevelVar)})
	a.live.Store(cfg)
	return a
}

// Open gets everything ready. The ports are reserved first: one that is in use is found
// before anything is made or changed. Where it fails,
// Close frees what it had got.
func (a *App) Open(ctx context.Context) error {
	spareProcessors(a.cfg.Loops)
	a.openMemory(ctx)
	a.metrics = metrics.New(a.version.Version, a.version.Commit, a.version.Go)
	a.proxies.Believe(a.cfg.TrustedProxies)
	a.addresses = visit.NewAddresses(&a.proxies, addressRates(a.cfg))
	a.visits = visit.New(a.log, a.cfg.AccessLog)
	a.openTraces()
	var err error
	if a.address, err = claim.Reserve(a.cfg.Listen, a.cfg.ReusePort); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if a.cfg.AdminListen != "" {
		if a.admin, err = admin.Listen(a.adminConfig()); err != nil {
			return err
		}
	}
	if err := a.checkDevDatabase(ctx); err != nil {
		return err
	}
	if a.store, err = openStore(ctx, a.cfg, a.budget.SQLiteCache, a.log); err != nil {
		return err
	}
	is, err := retry(ctx, a.cfg.DatabaseWait, a.log, func() (*persist.Durability, error) { return a.store.Durability(ctx) })
	if err != nil {
		return err
	}
	a.metrics.Store(is)
	a.watch = watchStore(a.store, a.log)
	if a.files, err = a.openFiles(ctx); err != nil {
		return err
	}
	if err := a.openChat(ctx); err != nil {
		return err
	}
	return a.openPort(ctx)
}

// openChat opens the domain: who may enter, and the lanes.
func (a *App) openChat(ctx context.Context) error {
	jwt := a.cfg.JWT
	jwt.Log = a.log
	if err := a.tokens.set(ctx, jwt); err != nil {
		return err
	}
	others, err := a.openBackplane(ctx)
	if err != nil {
		return err
	}
	history := a.cfg.History
	if history == 0 {
		history = -1 // none, where zero would mean the default
	}
	a.allowances = allowance.New(rates(a.cfg))
	authenticator, err := a.authenticator(ctx)
	if err != nil {
		return err
	}
	queueOps, bytes := a.roomBytes()
	a.chat = room.New(a.store, authenticator, others, room.Config{
		Lanes:           writers(a.cfg),
		BatchOps:        a.cfg.BatchRows,
		BatchDelay:      a.cfg.BatchDelay,
		BulkReads:       bulkReads(a.cfg),
		HistoryMessages: history,
		HistoryBytes:    a.cfg.HistoryBytes,
		Unsent:          a.unsent,
		QueueOps:        queueOps,
		Bytes:           bytes,
		Rules:           a.rules(),
		Roles:           a.cfg.Roles,
		ReadsMembers:    a.cfg.ReadsMembers,
		PresenceList:    a.cfg.PresenceList,
		PresenceGrace:   a.cfg.PresenceGrace,
		LastSeen:        a.cfg.LastSeen,
		DeletedText:     a.cfg.DeletedText,
		Links:           a.files.linksOf(),
		Congested:       a.congested,
		Allowances:      a.allowances,
		Observer:        a.metrics,
		Tracer:          a.tracer,
		Log:             a.log,
	})
	if a.backplane != nil {
		a.backplane.Start(a.chat)
	}
	return nil
}

// openPort opens the one port and what answers there.
func (a *App) openPort(ctx context.Context) error {
	page, err := a.openDemo(ctx)
	if err != nil {
		return err
	}
	a.rest = rest.New(rest.Config{
		Chat: a.chat, Limits: a.restLimits(), Allowances: a.allowances, Unsent: a.unsent, AllowOrigin: a.allowOrigin(),
		AllowHost: a.allowHost(), Files: a.files.service(), Page: page, Proxies: &a.proxies, Addresses: a.addresses, Visits: a.visits, Observer: a.metrics, Tracer: a.tracer, Log: a.log,
		Upgrade: func(c net.Conn, read []byte) { a.sockets.TakeBack(c, read) },
	})
	a.handler = socket.New(a.chat, a.cfg.Loops, socket.Config{
		AllowOrigin: a.allowOrigin(), Allowances: a.allowances, Limits: socketLimits(a.cfg),
		Unsent: a.unsent, Proxies: &a.proxies, Addresses: a.addresses, Visits: a.visits, Observer: a.metrics, RecheckEvery: a.cfg.RecheckInterval, ReconnectAfter: a.reconnectAfter, Log: a.log,
	})
	if a.sockets, err = netpoll.Listen(a.netpollConfig()); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	a.memory = memory.NewWatch(memory.Adopt(), saver{a}, a.log)
	from := metrics.Sources{
		Unsent: a.unsent.Stats, Memory: a.memory.Stats, DroppedLines: a.visits.Dropped, Addresses: a.addresses.Stats,
		Sockets: a.sockets.Stats, Sessions: a.handler.Stats, Chat: a.chat.Stats, REST: a.rest.Stats,
		DatabaseUp: a.watch.up, Timeline: a.store.Timeline, TakeOvers: a.store.TakeOvers, Ready: func() bool { return len(a.obstacles()) == 0 },
	}
	if a.backplane != nil {
		from.Backplane = a.backplane.Stats
	}
	if a.files != nil {
		from.Files = a.files.Stats
	}
	if a.traces != nil {
		from.Traces = a.traces.Stats
	}
	if s, ok := a.store.(*postgres.Store); ok {
		from.Protection = s.TellsTimeline
	}
	a.metrics.Read(from)
	return nil
}

// Run serves until ctx is done, and then drains. It calls ready when clients are
// let in. A part that ends by itself is an error.
func (a *App) Run(ctx context.Context, ready func()) error {
	a.running.Go(func() { a.ended <- a.rest.Run() })
	a.running.Go(func() { a.ended <- a.sockets.Run() })
	select {
	case <-a.sockets.Ready():
	case err := <-a.ended:
		return crashed(err)
	case <-ctx.Done():
		return nil
	}
	a.phase.Store(serving)
	a.log.Info("ready", "listen", a.Addr(), "admin", a.AdminAddr(), "version", a.version.Version)
	ready()
	select {
	case <-ctx.Done():
		if err := a.delay(); err != nil {
			return err
		}
		a.drain()
		return nil
	case err := <-a.ended:
		return crashed(err)
	}
}

func crashed(err error) error {
	if err == nil {
		err = errors.New("the server ended by itself")
	}
	return err
}

// Close frees everything, in the reverse order of Open. Call it after Run. What
// waits for something that hangs, such as a database, is left to the end of the process.
func (a *App) Close() error {
	closed := make(chan error, 1)
	go func() { closed <- a.close() }()
	select {
	case err := <-closed:
		return err
	case <-time.After(closeTimeout):
		a.log.Warn("not everything was closed in time: it ends with the process")
		return nil
	}
}

func (a *App) close() error {
	a.phase.Store(draining)
	var errs []error
	if a.memory != nil {
		a.memory.Close()
	}
	if a.sockets != nil {
		a.sockets.Close()
	} else if a.address != nil {
		a.address.Release()
	}
	if a.rest != nil {
		a.rest.Close()
	}
	a.running.Wait()
	if a.handler != nil {
		a.handler.Stop()
	}
	if a.backplane != nil {
		a.backplane.Close()
	}
	if a.chat != nil {
		a.storeSeen()
		a.chat.Close()
	}
	errs = append(errs, a.files.close())
	a.tokens.close()
	if a.watch != nil {
		a.watch.close()
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	if a.admin != nil {
		errs = append(errs, a.admin.Close())
	}
	a.visits.Close()
	if a.traces != nil {
		a.traces.Close()
	}
	return errors.Join(errs...)
}

// Addr is the address of the one port, with its real number.
func (a *App) Addr() netip.AddrPort { return a.sockets.Addr() }

// AdminAddr is the address of the admin port, with its real number; empty where
// it is switched off.
func (a *App) AdminAddr() string {
	if a.admin == nil {
		return ""
	}
	return a.admin.Addr().String()
}

// obstacles says why the server is not ready.
func (a *App) obstacles() []string {
	var reasons []string
	switch a.phase.Load() {
	case starting:
		reasons = append(reasons, "starting")
	case stopping:
		reasons = append(reasons, "stopping")
	case draining:
		reasons = append(reasons, "draining")
	case serving:
		if why := a.watch.obstacle(); why != "" {
			reasons = append(reasons, why)
		}
		if a.chat.Refusing() {
			reasons = append(reasons, "database takes no messages")
		}
		if why := a.betweenNodes(); why != "" {
			reasons = append(reasons, why)
		}
	}
	return reasons
}
