package postgres

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// faultProxy stands between a store and its server, knows where PostgreSQL's
// messages begin and end, and cuts a connection at one of them when it is told to.
type faultProxy struct {
	server string
	listen net.Listener
	pumps  sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]bool // true: what it says goes nowhere
	closed  bool
	next    *cut // nil: everything passes
	counts  [2]int
	session net.Conn // whose messages count: the server's side of it; nil: nobody has asked yet
}

// side says who sent a message.
type side int

const (
	client side = iota
	server
)

func (s side) String() string { return [...]string{"client", "server"}[s] }

// damage says what happens to a connection at a cut.
type damage int

const (
	cutBoth    damage = iota // the connection breaks for both sides
	cutWithin                // the same, after half of the message
	loseClient               // the client's side breaks; the server notices after noticeAfter
	loseServer               // the server's side breaks; the client does not notice
)

// noticeAfter stands for the time that keepalives take.
const noticeAfter = 150 * time.Millisecond

func (d damage) String() string {
	return [...]string{"both", "within", "client", "server"}[d]
}

// cut is a fault at the n-th message (from 0) that one side sends.
type cut struct {
	from   side
	n      int
	how    damage
	before func() // where set, runs before the connection breaks

	happened bool
}

func startFaultProxy(t testing.TB, databaseURL string) (p *faultProxy, proxied string) {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	p = &faultProxy{server: u.Host, conns: map[net.Conn]bool{}}
	if p.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.pumps.Go(p.accept)
	t.Cleanup(p.close)
	u.Host = p.listen.Addr().String()
	return p, u.String()
}

func (p *faultProxy) close() {
	_ = p.listen.Close()
	p.mu.Lock()
	p.closed = true
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.pumps.Wait()
}

// cutAll ends the connections that are there.
func (p *faultProxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

// swallow has the connections that are there carry nothing more, and say nothing of it.
func (p *faultProxy) swallow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		p.conns[c] = true
	}
}

func (p *faultProxy) swallows(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns[c]
}

// arm orders one cut, counting messages from now on: those of the session that asks for
// something first. Others may be saying goodbye, or cancel.
func (p *faultProxy) arm(c *cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next, p.counts, p.session = c, [2]int{}, nil
}

// disarm lets everything pass and reports whether the cut happened.
func (p *faultProxy) disarm() (happened bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	happened, p.next = p.next != nil && p.next.happened, nil
	return happened
}

// count lets everything pass, and returns a function that tells how many
// messages each side sent since.
func (p *faultProxy) count() func() (fromClient, fromServer int) {
	p.arm(nil)
	return func() (int, int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.counts[client], p.counts[server]
	}
}

func (p *faultProxy) accept() {
	for {
		down, err := p.listen.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = down.Close()
			continue
		}
		if !p.register(down, up) {
			return
		}
		p.pumps.Go(func() { p.pump(client, down, up) })
		p.pumps.Go(func() { p.pump(server, up, down) })
	}
}

func (p *faultProxy) register(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.closed {
			_ = c.Close()
			continue
		}
		p.conns[c] = false
	}
	return !p.closed
}

// What a client sends that asks for nothing: the type of its last message, and how a request
// to cancel begins in place of a startup message.
const goodbye = 'X'

var cancels = []byte{4, 210, 22, 46}

// pump carries one direction, message by message.
func (p *faultProxy) pump(from side, in, out net.Conn) {
	header := 5 // type and length; a startup message has no type
	down, up := out, in
	if from == client {
		header, down, up = 4, in, out
	}
	for {
		message := make([]byte, header)
		if _, err := io.ReadFull(in, message); err != nil {
			break
		}
		body := make([]byte, binary.BigEndian.Uint32(message[header-4:])-4)
		if _, err := io.ReadFull(in, body); err != nil {
			break
		}
		message = append(message, body...)
		asks := from == client && message[0] != goodbye && (header == 5 || !bytes.HasPrefix(body, cancels))
		header = 5
		if p.swallows(in) {
			continue
		}

		c := p.hit(from, up, asks)
		if c == nil {
			if _, err := out.Write(message); err != nil {
				break
			}
			continue
		}
		if c.before != nil {
			c.before()
		}
		switch c.how {
		case cutWithin:
			_, _ = out.Write(message[:len(message)/2])
		case loseClient:
			_ = down.Close()
			time.Sleep(noticeAfter)
			_ = up.Close()
			return
		case loseServer:
			_ = up.Close()
			_, _ = io.Copy(io.Discard, down)
			return
		}
		break
	}
	_ = in.Close()
	_ = out.Close()
}

// hit counts a message of a session and returns the cut that is due at it, or nil.
func (p *faultProxy) hit(from side, session net.Conn, asks bool) *cut {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session == nil && asks {
		p.session = session
	}
	if p.session != session {
		return nil
	}
	n := p.counts[from]
	p.counts[from]++
	if p.next == nil || p.next.happened || p.next.from != from || p.next.n != n {
		return nil
	}
	p.next.happened = true
	return p.next
}
