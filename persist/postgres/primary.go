package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caravan-chat/caravan/room"
)

// While a failover is under way two servers may take writes: the former primary does not
// know that a standby was promoted. Both have the same system identifier, and the
// promoted one has a greater timeline. So each connection learns of its server's before
// it is used, and the greatest timeline that is known decides:
//
//   - A server on a lower one is refused, and the next host of the URL is tried.
//   - When a greater one is met, or heard of, connections to the former primary are not
//     used any more. What it answers from then on counts as no answer.
//
// A server with another system identifier has another database, and is refused, too; so
// is a standby, which lags.

const (
	checkEvery   = time.Second     // how long a connection is used without another look at what is behind it: a proxy may have changed it
	checkTimeout = 3 * time.Second // for that look
)

// primary is what a store knows of the server that takes its writes. It is safe for
// concurrent use.
type primary struct {
	log       *slog.Logger
	takeOvers atomic.Int64 // how often another primary took over

	newest atomic.Uint32 // the greatest timeline that was met or heard of; zero: none
	system atomic.Uint64 // the system identifier; zero: not known
	form   atomic.Int32  // of askServer: the first that the server answers
	tells  atomic.Bool   // a server has told its timeline

	first atomic.Pointer[lead] // the server that is tried first; nil: that of the URL

	mu    sync.Mutex
	pools []*pgxpool.Pool
	grown chan struct{} // closed when a greater timeline is known; nil: nobody waits

	stop   context.CancelFunc // of the survey; nil: there is none
	survey sync.WaitGroup
}

// askServer asks a server what it is: its system identifier, its timeline, and whether it
// is a standby. Roles that may not ask for all ask for less. So does everybody where the
// server has no log to ask for, as Aurora without logical replication.
var askServer = []string{
	`SELECT system_identifier, ` + askTimeline + ` FROM pg_control_system()`,
	`SELECT 0, ` + askTimeline,
	`SELECT 0, 0, pg_is_in_recovery()`,
}

// askTimeline reads the name of the log's present file, which begins with the timeline.
// A checkpoint has it, too, but lags after a promotion.
const askTimeline = `CASE WHEN NOT pg_is_in_recovery() THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint ELSE 0 END, pg_is_in_recovery()`

// identity is what a connection knows of its server. Whoever has the connection owns it.
type identity struct {
	system   uint64        // zero: not known
	timeline room.Timeline // zero: not known
	standby  bool
	checked  time.Time
}

// identityKey is its name in a connection's CustomData.
const identityKey = "server"

func identityOf(conn *pgx.Conn) *identity { return conn.PgConn().CustomData()[identityKey].(*identity) }

var errStandby = errors.New("the server is a standby")

// known is the greatest timeline that was met or heard of.
func (p *primary) known() room.Timeline { return room.Timeline(p.newest.Load()) }

// beyond returns a channel that is closed once a timeline greater than t is known.
func (p *primary) beyond(t room.Timeline) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known() > t {
		is := make(chan struct{})
		close(is)
		return is
	}
	if p.grown == nil {
		p.grown = make(chan struct{})
	}
	return p.grown
}

// tellGrown wakes those who wait for a greater timeline.
func (p *primary) tellGrown() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.grown != nil {
		close(p.grown)
		p.grown = nil
	}
}

// watch makes a pool one whose connections are checked.
func (p *primary) watch(cfg *pgxpool.Config) {
	next := cfg.ConnConfig.ValidateConnect
	cfg.ConnConfig.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		is := &identity{}
		conn.CustomData()[identityKey] = is
		if err := p.check(ctx, conn, is); err != nil {
			return err
		}
		if next != nil {
			return next(ctx, conn)
		}
		return nil
	}
	before := cfg.BeforeConnect
	cfg.BeforeConnect = func(ctx context.Context, cc *pgx.ConnConfig) error {
		p.order(cc)
		if before == nil {
			return nil
		}
		return before(ctx, cc)
	}
	cfg.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false } // usable looks, too
	cfg.PrepareConn = p.usable
}

// usable says whether an idle connection may be used.
func (p *primary) usable(ctx context.Context, conn *pgx.Conn) (bool, error) {
	is := identityOf(conn)
	if time.Since(is.checked) >= checkEvery {
		look, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		err := p.check(look, conn.PgConn(), is)
		if look.Err() != nil && ctx.Err() == nil {
			p.reset() // other idle connections would keep the caller waiting for as long each
		}
		return err == nil, nil
	}
	return p.superseded(is) == nil, nil
}

// check asks a connection's server what it is, and says why it is not to be used.
func (p *primary) check(ctx context.Context, conn *pgconn.PgConn, is *identity) error {
	found, err := p.ask(ctx, conn)
	if err != nil {
		return err
	}
	found.checked = time.Now()
	*is = found
	return p.meet(is)
}

// ask asks as much as the role may, and the server answers.
func (p *primary) ask(ctx context.Context, conn *pgconn.PgConn) (identity, error) {
	for form := p.form.Load(); int(form) < len(askServer); form++ {
		results, err := conn.Exec(ctx, askServer[form]).ReadAll()
		switch {
		case err == nil:
			return readIdentity(results)
		case hasCode(err, codeForbidden), hasCode(err, codeNoFunction), hasCode(err, codeNotSupported), hasCode(err, codeNotInState):
			p.form.CompareAndSwap(form, form+1)
		case hasClass(err, classInternal): // the file was being written
		default:
			return identity{}, err
		}
	}
	return identity{}, nil
}

func readIdentity(results []*pgconn.Result) (is identity, err error) {
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 3 {
		return is, errors.New("the server does not say what it is")
	}
	row := results[0].Rows[0]
	system, err1 := strconv.ParseInt(string(row[0]), 10, 64)
	timeline, err2 := strconv.ParseUint(string(row[1]), 10, 32)
	is.system, is.timeline, is.standby = uint64(system), room.Timeline(timeline), string(row[2]) == "t"
	return is, errors.Join(err1, err2)
}

// meet takes note of a server, and says why it is not to be used.
func (p *primary) meet(is *identity) error {
	if is.system != 0 && !p.system.CompareAndSwap(0, is.system) && p.system.Load() != is.system {
		return fmt.Errorf("the server has another database: its system identifier is %d and not %d", is.system, p.system.Load())
	}
	if is.standby {
		return errStandby
	}
	if is.timeline != 0 {
		p.tells.Store(true)
	}
	p.see(is.timeline, "met")
	return p.superseded(is)
}

// superseded says that a server is not the primary any more.
func (p *primary) superseded(is *identity) error {
	if known := p.known(); is.timeline != 0 && is.timeline < known {
		return fmt.Errorf("%w: the server is on timeline %d, and there is timeline %d", room.ErrSuperseded, is.timeline, known)
	}
	return nil
}

// heardOf is how a timeline is known that only another node has met.
const heardOf = "heard of"

// see takes note of a timeline. After a greater one than was known, all connections are
// made anew.
func (p *primary) see(t room.Timeline, how string) {
	for {
		known := p.newest.Load()
		if uint32(t) <= known {
			return
		}
		if !p.newest.CompareAndSwap(known, uint32(t)) {
			continue
		}
		p.tellGrown()
		if known != 0 {
			p.takeOvers.Add(1)
			p.log.Warn("another primary has taken over: all connections are made anew", how, t, "before", known)
			if how == heardOf {
				p.log.Warn("another node says so: if no standby of this database was promoted to replace its primary, a copy of it was, and the copy's nodes need another --redis-prefix")
			}
			p.reset()
		}
		return
	}
}

// sayWhatIsOff tells the log once what the role's rights, or the server, leave unknown.
func (p *primary) sayWhatIsOff() {
	switch {
	case !p.tells.Load():
		p.log.Error("the protection against a former primary is off: the server does not tell its timeline, as the role may not call pg_current_wal_lsn() and pg_walfile_name(), or there is no such log. " +
			"After a failover, whoever still reaches a former primary that lives goes on writing there, and that is lost: grant EXECUTE on both, and fence")
	case p.system.Load() == 0:
		p.log.Warn("another cluster of PostgreSQL in place of this one would not be noticed: the role may not call pg_control_system()")
	}
}

// owns takes a pool that was made with watch.
func (p *primary) owns(pool *pgxpool.Pool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pools = append(p.pools, pool)
}

// reset closes all connections: those in use when they are given back.
func (p *primary) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pool := range p.pools {
		pool.Reset()
	}
}

// current runs a read. Where another primary took over meanwhile, what was read may be
// the former one's, and does not count.
func (p *primary) current(read func() error) error {
	known := p.known()
	err := read()
	if now := p.known(); now != known {
		return fmt.Errorf("%w: timeline %d is there since", room.ErrSuperseded, now)
	}
	return err
}
