package stage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/chaos"
	"github.com/caravan-chat/caravan/bench/servers/link"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// pair is two PostgreSQL servers, one of which is the standby of the other. The faults of
// a database happen to the one that is the primary; after a fail-over that is the other.
type pair struct {
	*postgres // the primary; turn guards which server that is against those who are not the part
	turn      sync.Mutex
	standby   *pgserver.Server
	sync      bool
	servers   [2]*pgserver.Server // in the order in which the nodes know them
	feeds     [2]*way             // on which each server is reached by its standby
	takeovers *takeovers
	losses    *losses  // what fail-overs lose; nil: they must lose nothing
	lifts     []func() // of the troubles that belong to the fail-over
}

const (
	// lag is how long the standby hears nothing before an asynchronous fail-over, so that
	// there is something to lose.
	lag = 700 * time.Millisecond

	// beside is how long an old primary that was frozen, or cut off, answers beside the new
	// one before somebody ends it.
	beside = 3 * time.Second

	// rejoining is about how long it takes until the old primary is a standby.
	rejoining = 4 * time.Second
)

func openPair(ctx context.Context, cfg *Config, s *Stage) (database, error) {
	s.network.pair = true
	primary, err := openPostgres(&s.network, cfg.Nodes, pgserver.Paired)
	if err != nil {
		return nil, err
	}
	p := &pair{postgres: primary, sync: cfg.Standby == SyncStandby}
	p.takeovers = &takeovers{stage: s, pair: p}
	if !p.sync {
		p.losses = &losses{takeovers: p.takeovers}
	}
	if err := p.addStandby(ctx); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *pair) addStandby(ctx context.Context) (err error) {
	if p.feeds[0], err = p.feed(p.server); err != nil {
		return err
	}
	if p.standby, err = pgserver.NewStandby(p.feeds[0].Addr(), pgserver.Setting("max_connections", connectionsMax)); err != nil {
		return err
	}
	p.servers = [2]*pgserver.Server{p.server, p.standby}
	if p.feeds[1], err = p.feed(p.standby); err != nil {
		return err
	}
	return p.awaitStandby(ctx)
}

// feed opens the way on which a server is reached by its standby.
func (p *pair) feed(server *pgserver.Server) (*way, error) {
	return p.network.open(&way{sort: replication, name: fmt.Sprintf("from :%d", server.Port()), node: -1, to: server}, address(server))
}

// awaitStandby returns when the standby has what the primary has, and each commit waits
// for it if it is to.
func (p *pair) awaitStandby(ctx context.Context) error {
	if err := p.standby.AwaitStandby(ctx, p.server); err != nil || !p.sync {
		return err
	}
	if err := p.server.Set("synchronous_standby_names", "*"); err != nil {
		return err
	}
	return p.standby.AwaitStandby(ctx, p.server)
}

// urlOf names both servers, as an operator would.
func (p *pair) urlOf(node int) (string, error) {
	var addrs [2]string
	for i, server := range p.servers {
		var err error
		if addrs[i], err = p.network.toDatabase(node, server); err != nil {
			return "", err
		}
	}
	both, err := through(p.url(), addrs[:]...)
	return both + "&target_session_attrs=read-write", err
}

func (p *pair) logTail() string {
	return p.postgres.logTail() + "--- and of the standby\n" + p.standby.LogTail()
}

func (p *pair) close() error {
	err := p.postgres.close()
	if p.standby != nil {
		err = errors.Join(err, p.standby.Close())
	}
	return err
}

// faults are those of a primary, and fail-overs. What fills a disk is left to databases
// that are alone. A commit that waited for the standby when its session was ended is there for
// all to read, and the standby may not have it yet: PostgreSQL promises no more. So no fail-over
// follows until it has.
func (p *pair) faults() []chaos.Fault {
	const second = time.Second
	start := func(ctx context.Context) (string, error) {
		if err := p.server.Start(); err != nil {
			return "", err
		}
		return "accepts connections", p.standby.AwaitStandby(ctx, p.server)
	}
	release := func(context.Context) (string, error) { return "given back", p.release() }
	faults := []chaos.Fault{
		p.failOver("the old primary stopped", 0, 3*second, failOver{clean: true, before: p.stop}),
		p.failOver("the old primary dead", 0, 3*second, failOver{before: func() error { return p.server.Kill() }}),
		p.failOver("the old primary frozen, then thawed", second, 6*second, failOver{before: func() error { return p.server.Pause() }, after: p.thaw}),
		p.failOver("the old primary alive and healthy", second, 6*second, failOver{}),
		{Among: []chaos.Fault{
			p.failOver("the old primary alive, only server 1 reaches it", 6*second, 10*second, failOver{before: p.cutOff(false)}),
			p.failOver("the old primary alive, server 1 reaches nothing else", 6*second, 10*second, failOver{before: p.cutOff(true)}),
		}},
		p.failOver("the old primary alive and cut off, then healed", 6*second, 10*second, failOver{before: p.cutOff(false), after: p.heal}),

		{Name: "kill -9", Max: 2 * second, Mend: start, Break: func(context.Context) (string, error) { return "killed", p.server.Kill() }},
		{Name: "fast shutdown", Max: 2 * second, Mend: start, Break: func(context.Context) (string, error) {
			return "down", p.stop()
		}},
		{
			Name: "freeze", Min: second / 2, Max: 5 * second,
			Break: func(context.Context) (string, error) { return "frozen", p.server.Pause() },
			Mend:  func(context.Context) (string, error) { return "goes on", p.server.Resume() },
		},
		{Name: "cut connections", Break: func(ctx context.Context) (string, error) {
			note, err := p.cut(ctx)
			if err != nil {
				return "", err
			}
			return note, p.standby.AwaitStandby(ctx, p.server)
		}},
		{Name: "row of a room locked", Min: second / 2, Max: 5 * second, Break: p.lockRow, Mend: release},
		{Name: "connections all taken", Min: second / 2, Max: 4 * second, Break: p.takeConnections, Mend: release},
	}
	return faults
}

func (p *pair) stop() error { return p.server.Stop(pgserver.Fast) }

// failOver is one way in which the standby takes over.
type failOver struct {
	clean  bool         // the standby has all that the old primary had
	before func() error // what happens to the old primary before; nil: nothing
	after  func() error // what happens to it before somebody ends it; nil: nothing
}

func (p *pair) failOver(name string, least, most time.Duration, how failOver) chaos.Fault {
	mending := rejoining
	if how.after != nil {
		mending += beside
	}
	return chaos.Fault{
		Name: "fail-over, " + name, Min: least, Max: most, Mending: mending,
		Break: func(ctx context.Context) (string, error) { return p.takeOver(ctx, how) },
		Mend:  func(ctx context.Context) (string, error) { return p.rejoin(ctx, how) },
	}
}

// takeOver lets something happen to the primary, and promotes the standby.
func (p *pair) takeOver(ctx context.Context, how failOver) (string, error) {
	if !how.clean {
		p.losses.deaf()
		p.lifts = append(p.lifts, p.feedOf(p.server).impose(link.Trouble{Up: true, Down: true}))
		if !p.sync {
			time.Sleep(lag)
		}
	}
	if how.before != nil {
		if err := how.before(); err != nil {
			return "", err
		}
	}
	if err := p.standby.AwaitReplay(ctx); err != nil {
		return "", err
	}
	if err := p.losses.fork(p.standby); err != nil {
		return "", err
	}
	if err := p.standby.Promote(); err != nil {
		return "", err
	}
	p.turn.Lock()
	p.server, p.standby = p.standby, p.server
	p.turn.Unlock()
	p.takeovers.promoted()
	return fmt.Sprintf(":%d is the primary", p.server.Port()), nil
}

// rejoin ends the old primary, and makes it the standby. Nobody reaches it meanwhile.
func (p *pair) rejoin(ctx context.Context, how failOver) (string, error) {
	old := p.standby
	if how.after != nil {
		if err := how.after(); err != nil {
			return "", err
		}
	}
	p.takeovers.unwatch()
	unclean := !how.clean && !old.Running()
	if old.Running() {
		if err := old.Stop(pgserver.Fast); err != nil {
			return "", err
		}
	}
	p.takeovers.silenced()
	refused := imposeAll(p.network.those(func(w *way) bool { return w.sort == toDatabases && w.to == old }), link.Trouble{Refuse: true})
	defer refused()
	p.lift()
	if unclean || !p.sync {
		if err := p.readLost(old); err != nil {
			return "", err
		}
	}
	if err := old.Rejoin(p.server, p.feedOf(p.server).Addr()); err != nil {
		return "", err
	}
	return fmt.Sprintf(":%d is its standby", old.Port()), p.awaitStandby(ctx)
}

// readLost lets the old primary recover, and notes what the new one lacks.
func (p *pair) readLost(old *pgserver.Server) error {
	if err := old.Start(); err != nil {
		return err
	}
	return errors.Join(p.losses.lost(old), old.Stop(pgserver.Fast))
}

// cutOff lets the others reach the primary no more, and server 1 it alone where it is
// to reach nothing else.
func (p *pair) cutOff(nothingElse bool) func() error {
	return func() error {
		cut := p.network.those(func(w *way) bool {
			switch {
			case w.node < 0:
				return false
			case w.node > 0:
				return w.sort == toDatabases && w.to == p.server
			}
			return nothingElse && (w.sort == toRedis || (w.sort == toDatabases && w.to == p.standby))
		})
		p.lifts = append(p.lifts, imposeAll(cut, link.Trouble{Up: true, Down: true}))
		return nil
	}
}

// heal lets everybody reach everything again, both primaries too.
func (p *pair) heal() error {
	p.lift()
	time.Sleep(beside)
	return nil
}

// thaw lets the old primary go on, with all the connections that it had.
func (p *pair) thaw() error {
	defer time.Sleep(beside)
	return p.standby.Resume()
}

func (p *pair) lift() {
	for _, lift := range p.lifts {
		lift()
	}
	p.lifts = nil
}

// feedOf returns the way on which a server is reached by its standby.
func (p *pair) feedOf(server *pgserver.Server) *way {
	if server == p.servers[0] {
		return p.feeds[0]
	}
	return p.feeds[1]
}
