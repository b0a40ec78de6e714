package netpoll

import (
	"net"
	"syscall"
	"testing"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/await"
)

// The kernel gives a closed connection's descriptor to the next client. What is
// sent to the old Conn must not reach it.
func TestNothingIsWrittenToAStaleDescriptor(t *testing.T) {
	var opened []*Conn
	s := start(t, Config{Loops: 1, Handler: funcs{open: func(c *Conn) { opened = append(opened, c) }, message: echoBack}})
	first := dial(t, s)
	var old *Conn
	var fd int32
	onLoop(t, s.loops[0], func() { old = opened[0]; fd = old.fd })
	_ = first.conn.Close()
	await.Until(t, "closed", func() bool { return s.Stats().Sockets == 0 })

	// Until a client gets the number; other sockets of this process may be faster.
	for try := 0; ; try++ {
		if try == 100 {
			t.Fatal("the descriptor's number does not come back")
		}
		second := dial(t, s)
		reused := false
		onLoop(t, s.loops[0], func() { reused = opened[len(opened)-1].fd == fd })
		if !reused {
			continue
		}
		onLoop(t, s.loops[0], func() {
			if out := old.SendText([]byte("for somebody else")); out != NotOpen {
				t.Errorf("SendText to a closed connection: %v", out)
			}
			old.Close(4000, "")
			if old.fd != -1 || old.raw != nil {
				t.Error("the closed connection still knows its socket")
			}
		})
		second.send("mine")
		second.expect("mine")
		return
	}
}

// Mail that was posted for a connection finds it closed, and does no harm.
func TestMailForAClosedConnection(t *testing.T) {
	conns := make(chan *Conn, 1)
	var room Topic
	s := start(t, Config{Loops: 1, Handler: funcs{open: func(c *Conn) { room.Add(c); conns <- c }}})
	c := dial(t, s)
	conn := await.Value(t, "the connection", conns)
	hold := make(chan struct{})
	s.loops[0].Post(func() { <-hold }) // the loop sees neither the mail nor the FIN before
	_ = c.conn.SetLinger(0)
	_ = c.conn.Close()
	outcomes := make(chan Outcome, 2)
	s.loops[0].Post(func() { outcomes <- conn.SendText([]byte("x")) })
	close(hold)
	await.Value(t, "the first outcome", outcomes)
	await.Until(t, "closed", func() bool { return s.Stats().Sockets == 0 })
	s.loops[0].Post(func() {
		room.Send(NewPayload([]byte("y")))
		outcomes <- conn.SendText([]byte("z"))
		if room.Len() != 0 {
			t.Error("still a member")
		}
	})
	if out := await.Value(t, "the second outcome", outcomes); out != NotOpen {
		t.Errorf("outcome %v", out)
	}
}

// gnet finds a socket dead inside a write of ours and calls OnClose from there, in
// the middle of the flush. The others are written all the same, Handler.Close
// comes once, after the flush.
func TestOnCloseInsideAWrite(t *testing.T) {
	j := newJournal()
	var room Topic
	s := start(t, Config{Loops: 1, OutboxBytesMax: 64 << 20, Handler: funcs{
		open:  func(c *Conn) { room.Add(c) },
		close: j.close,
	}})
	dying, healthy := dial(t, s), dial(t, s)
	onLoop(t, s.loops[0], func() {
		l := s.loops[0]
		var victim *Conn
		room.Each(func(c *Conn) bool { victim = c; return c.Remote().Port() != localPort(dying) })
		// The socket dies without the loop knowing.
		if err := syscall.Shutdown(int(victim.fd), syscall.SHUT_RDWR); err != nil {
			t.Error(err)
		}
		room.Send(NewPayload([]byte("x")))
		// As in flush, but by gnet's write, which calls OnClose.
		victim.flow = flowIdle
		if l.stall(victim) {
			t.Error("a dead socket took bytes")
		}
		if victim.state != stateGone || victim.fd != -1 || victim.outbox != nil {
			t.Errorf("state %d, fd %d, outbox %v", victim.state, victim.fd, victim.outbox)
		}
		if len(j.closes) != 0 {
			t.Error("Handler.Close inside the write")
		}
	})
	healthy.expect("x")
	j.expect(t, Closed{CloseAbnormal, "", CauseLost})
	j.expectNoMore(t, s)
	_ = dying.conn.Close()
}

func localPort(c *client) uint16 { return c.conn.LocalAddr().(*net.TCPAddr).AddrPort().Port() }

// Writing to a reset connection ends it, and no other.
func TestWriteToADeadPeer(t *testing.T) {
	j := newJournal()
	var room Topic
	s := start(t, Config{Loops: 1, Handler: funcs{open: func(c *Conn) { room.Add(c) }, close: j.close}})
	dead, alive := dial(t, s), dial(t, s)
	hold, held := make(chan struct{}), make(chan int)
	s.loops[0].Post(func() {
		room.Each(func(c *Conn) bool {
			if c.Remote().Port() == localPort(dead) {
				held <- int(c.fd)
			}
			return true
		})
		<-hold
	})
	fd := await.Value(t, "the loop to stand still", held)
	_ = dead.conn.SetLinger(0)
	_ = dead.conn.Close()
	await.Until(t, "the reset", func() bool {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		return err == nil && info.State == unix.BPF_TCP_CLOSE
	})
	s.loops[0].Post(func() { room.Send(NewPayload([]byte("x"))) })
	close(hold)
	if op, p, err := alive.frame(); op != ws.OpText || p != "x" || err != nil {
		t.Fatal(op, p, err)
	}
	j.expect(t, Closed{CloseAbnormal, "", CauseLost})
	j.expectNoMore(t, s)
}
