package stage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caravan-chat/caravan/bench/chaos"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// postgres is a PostgreSQL server with one database.
type postgres struct {
	server *pgserver.Server
	name   string
	others []*pgSession // of faults that hold something; owned by the part's goroutine
}

// connectionsMax leaves each of three servers its connections, and few more.
const connectionsMax = "48"

func openPostgres() (*postgres, error) {
	server, err := pgserver.New(pgserver.Setting("max_connections", connectionsMax))
	if err != nil {
		return nil, err
	}
	name, err := server.CreateDatabase()
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return &postgres{server: server, name: name}, nil
}

func (p *postgres) url() string     { return p.server.URL(p.name) }
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

// exec runs statements, each by itself, and returns the tag of the last.
func (p *postgres) exec(ctx context.Context, statements ...string) (tag string, err error) {
	session, err := openSession(ctx, p.url())
	if err != nil {
		return "", err
	}
	defer session.close()
	for _, sql := range statements {
		if tag, err = session.query(sql); err != nil {
			return "", err
		}
	}
	return tag, nil
}

const endOthers = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()`

// cut ends every connection, in whatever it is doing.
func (p *postgres) cut(ctx context.Context) (string, error) {
	tag, err := p.exec(ctx, endOthers)
	return strings.TrimPrefix(tag, "SELECT ") + " connections cut", err
}

// readOnly lets transactions that begin from now on write nothing, or write again.
func (p *postgres) readOnly(on string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		_, err := p.exec(ctx, "ALTER SYSTEM SET default_transaction_read_only = "+on, "SELECT pg_reload_conf()")
		return "default_transaction_read_only is " + on, err
	}
}

// lockRow holds a lock that the lane of the first room needs.
func (p *postgres) lockRow(ctx context.Context) (string, error) {
	session, err := openSession(ctx, p.url())
	if err != nil {
		return "", err
	}
	p.others = append(p.others, session)
	if _, err := session.query("BEGIN"); err != nil {
		return "", err
	}
	_, err = session.query("SELECT id FROM chat_rooms ORDER BY id LIMIT 1 FOR UPDATE")
	return "locked", err
}

// takeConnections ends the servers' connections and takes all that there are.
func (p *postgres) takeConnections(ctx context.Context) (string, error) {
	cut, err := p.cut(ctx)
	if err != nil {
		return "", err
	}
	for ctx.Err() == nil {
		session, err := openSession(ctx, p.url())
		if err != nil {
			break // the server's limit
		}
		p.others = append(p.others, session)
	}
	if len(p.others) == 0 {
		return "", errors.New("not one connection was to be had")
	}
	return fmt.Sprintf("%s, %d taken", cut, len(p.others)), ctx.Err()
}

// release gives back what the others hold.
func (p *postgres) release() error {
	var errs []error
	for _, session := range p.others {
		errs = append(errs, session.close())
	}
	p.others = nil
	return errors.Join(errs...)
}
