package postgres

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/room"
)

// switchProxy goes to another server behind connections that stay, between two
// transactions, as PgBouncer does.
type switchProxy struct {
	listen net.Listener
	to     atomic.Pointer[string]
	pumps  sync.WaitGroup
	mu     sync.Mutex
	conns  []net.Conn
}

func startSwitchProxy(t testing.TB, to *pgserver.Server, database string) (p *switchProxy, proxied string) {
	t.Helper()
	p = &switchProxy{}
	p.leadTo(to)
	var err error
	if p.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.pumps.Go(func() {
		for {
			client, err := p.listen.Accept()
			if err != nil {
				return
			}
			p.own(client)
			p.pumps.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = p.listen.Close()
		p.mu.Lock()
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		p.pumps.Wait()
	})
	u, err := url.Parse(to.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	u.Host = p.listen.Addr().String()
	u.RawQuery += "&default_query_exec_mode=cache_describe" // as behind PgBouncer before 1.21
	return p, u.String()
}

func (p *switchProxy) leadTo(to *pgserver.Server) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(to.Port()))
	p.to.Store(&address)
}

func (p *switchProxy) own(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, c)
}

// serve is the life of one client. It takes turns: what the client sends up to a Query
// or a Sync, then what the server answers up to ReadyForQuery.
func (p *switchProxy) serve(client net.Conn) {
	defer client.Close()
	hello, err := readMessage(client, 4)
	if err != nil {
		return
	}
	var server net.Conn
	var at *string
	idle := true // outside a transaction
	for first := true; ; first = false {
		if to := p.to.Load(); to != at && idle {
			if server != nil {
				_ = server.Close()
			}
			if server, err = net.Dial("tcp", *to); err != nil {
				return
			}
			defer server.Close()
			p.own(server)
			at = to
			if _, err := server.Write(hello); err != nil {
				return
			}
			answers := io.Writer(io.Discard)
			if first {
				answers = client
			}
			if _, err := answer(server, answers); err != nil {
				return
			}
		}
		for kind := byte(0); kind != 'Q' && kind != 'S'; {
			m, err := readMessage(client, 5)
			if err != nil {
				return
			}
			if kind = m[0]; kind == 'X' {
				return
			}
			if _, err := server.Write(m); err != nil {
				return
			}
		}
		if idle, err = answer(server, client); err != nil {
			return
		}
	}
}

// answer passes on what a server sends, and says whether it is outside a transaction
// after it.
func answer(from io.Reader, to io.Writer) (idle bool, err error) {
	for {
		m, err := readMessage(from, 5)
		if err != nil {
			return false, err
		}
		if _, err := to.Write(m); err != nil {
			return false, err
		}
		if m[0] == 'Z' {
			return m[5] == 'I', nil
		}
	}
}

func readMessage(from io.Reader, header int) ([]byte, error) {
	m := make([]byte, header)
	if _, err := io.ReadFull(from, m); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(m[header-4:])-4)
	_, err := io.ReadFull(from, body)
	return append(m, body...), err
}

// TestAServerThatChangesBehindBusyConnectionsIsNoticed: within a moment what is stored is
// stored on the new primary's timeline, and nothing more on the former one's after it was seen.
func TestAServerThatChangesBehindBusyConnectionsIsNoticed(t *testing.T) {
	t.Parallel()
	pair := newPair(t)
	proxy, proxied := startSwitchProxy(t, pair.old, pair.name)
	f := newFleet(t, Config{URL: proxied}, 1)
	send := func() *room.Op {
		op := f.send(0, "x")
		f.mustAppend(op)
		return op
	}
	if op := send(); op.Timeline != 1 {
		t.Errorf("timeline %d", op.Timeline)
	}
	pair.replicate()
	pair.promote()
	proxy.leadTo(pair.next)
	await.Until(t, "the new primary is noticed", func() bool { return send().Timeline == 2 })
	if f.primary.takeOvers.Load() != 1 {
		t.Errorf("%d times another primary took over", f.primary.takeOvers.Load())
	}
	proxy.leadTo(pair.old)
	await.Until(t, "the former primary is refused", func() bool {
		op := f.send(0, "x")
		return f.Append(t.Context(), []*room.Op{op}, room.Within{}) != nil
	})
	stood := pair.count(pair.old)
	for range 20 {
		f.mustNotStore(f.send(0, "x"))
	}
	if pair.count(pair.old) != stood {
		t.Errorf("the former primary had %s messages, and has %s", stood, pair.count(pair.old))
	}
	proxy.leadTo(pair.next)
	if op := send(); op.Timeline != 2 {
		t.Errorf("timeline %d", op.Timeline)
	}
}
