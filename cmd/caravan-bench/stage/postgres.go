package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/caravan-chat/caravan/bench/chaos"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// postgres is a PostgreSQL server with one database.
type postgres struct {
	server  *pgserver.Server
	name    string
	network *network
	held    pgserver.Connections // of faults that hold something; owned by the part's goroutine
}

// connectionsMax leaves each of three servers its connections, and few more; connectionsEach is what each
// of more servers may take.
const (
	connectionsMax  = "48"
	connectionsEach = 20
)

// connectionsFor is the limit for a number of servers.
func connectionsFor(nodes int) string {
	if nodes <= 3 {
		return connectionsMax
	}
	return strconv.Itoa(nodes * connectionsEach)
}

// tooManyConnections is the SQLSTATE of a server that has no place for one more.
const tooManyConnections = "53300"

func openPostgres(network *network, nodes int, options ...pgserver.Option) (*postgres, error) {
	server, err := pgserver.New(append(options, pgserver.Setting("max_connections", connectionsFor(nodes)))...)
	if err != nil {
		return nil, err
	}
	name, err := server.CreateDatabase()
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return &postgres{server: server, name: name, network: network}, nil
}

func (p *postgres) url() string { return p.server.URL(p.name) }
func (p *postgres) urlOf(node int) (string, error) {
	addr, err := p.network.toDatabase(node, p.server)
	if err != nil {
		return "", err
	}
	return through(p.url(), addr)
}

// through returns the URL of a database for one who reaches its servers at other addresses.
func through(database string, addrs ...string) (string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return "", err
	}
	u.Host = strings.Join(addrs, ",")
	return u.String(), nil
}

// makeRooms gives each trip its room.
func (p *postgres) makeRooms() error {
	_, err := p.server.Exec(p.name, `INSERT INTO chat_rooms (id, trip_id, created_at, last_seq) SELECT gen_random_uuid(), id, now(), 0 FROM trips`)
	return err
}

// makeRightsTriggers does as an operator would: it runs, as the owner of the tables, what the server's program prints.
func (p *postgres) makeRightsTriggers(ctx context.Context, caravan string) error {
	var says bytes.Buffer
	cmd := exec.CommandContext(ctx, caravan, "migrate", "--rights-triggers", "make", "--database", p.url())
	cmd.Stderr = &says
	sql, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s migrate --rights-triggers make: %w\n%s", caravan, err, &says)
	}
	_, err = p.server.Exec(p.name, string(sql))
	return err
}

func (p *postgres) logTail() string { return p.server.LogTail() }
func (p *postgres) close() error    { return errors.Join(p.release(), p.server.Close()) }

func (p *postgres) faults() []chaos.Fault {
	const second = time.Second
	start := func(context.Context) (string, error) { return "accepts connections", p.server.Start() }
	down := func(how pgserver.Shutdown) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return "down", p.server.Stop(how) }
	}
	release := func(context.Context) (string, error) { return "given back", p.release() }
	return []chaos.Fault{
		{Name: "kill -9", Max: 2 * second, Mend: start, Break: func(context.Context) (string, error) { return "killed", p.server.Kill() }},
		{Name: "immediate shutdown", Max: 3 * second, Mend: start, Break: down(pgserver.Immediate)},
		{Name: "fast shutdown", Max: 3 * second, Mend: start, Break: down(pgserver.Fast)},
		{
			Name: "freeze", Min: second / 2, Max: 5 * second,
			Break: func(context.Context) (string, error) { return "frozen", p.server.Pause() },
			Mend:  func(context.Context) (string, error) { return "goes on", p.server.Resume() },
		},
		{Name: "cut connections", Break: p.cut},
		{Name: "read-only", Min: second / 2, Max: 4 * second, Break: p.readOnly("on"), Mend: p.readOnly("off")},
		{Name: "row of a room locked", Min: second / 2, Max: 5 * second, Break: p.lockRow, Mend: release},
		{Name: "no disk for tables", Min: second, Max: 6 * second, Break: p.fillTables, Mend: p.freeDisk},
		{Name: "no disk for the log", Min: second / 2, Max: 4 * second, Break: p.fillLog, Mend: p.freeDisk},
		{Name: "connections all taken", Min: second / 2, Max: 4 * second, Break: p.takeConnections, Mend: release},
	}
}

func (p *postgres) fillTables(context.Context) (string, error) {
	return "full", p.server.FillTables(p.name)
}
func (p *postgres) fillLog(context.Context) (string, error) { return "crashed", p.server.FillWAL() }
func (p *postgres) freeDisk(context.Context) (string, error) {
	return "there is room", p.server.FreeDisk()
}

// cut ends every connection, in whatever it is doing. Where all are taken it waits for one.
func (p *postgres) cut(ctx context.Context) (string, error) {
	for {
		cut, err := p.server.CutConnections(ctx, p.name)
		if err == nil || !strings.Contains(err.Error(), tooManyConnections) {
			return fmt.Sprintf("%d connections cut", cut), err
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// readOnly lets transactions that begin from now on write nothing, or write again.
func (p *postgres) readOnly(on string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		return "default_transaction_read_only is " + on, p.server.Set("default_transaction_read_only", on)
	}
}

// lockRow holds a lock that the lane of the first room needs.
func (p *postgres) lockRow(ctx context.Context) (string, error) {
	session, err := p.server.Connect(ctx, p.name)
	if err != nil {
		return "", err
	}
	p.held = append(p.held, session)
	if _, err := session.Query("BEGIN"); err != nil {
		return "", err
	}
	_, err = session.Query("SELECT id FROM chat_rooms ORDER BY id LIMIT 1 FOR UPDATE")
	return "locked", err
}

// takeConnections takes all connections that there are, the servers' own too.
func (p *postgres) takeConnections(ctx context.Context) (string, error) {
	taken, err := p.server.TakeConnections(ctx, p.name)
	p.held = append(p.held, taken...)
	return fmt.Sprintf("%d taken", len(taken)), err
}

// release gives back what is held.
func (p *postgres) release() error {
	err := p.held.Close()
	p.held = nil
	return err
}
