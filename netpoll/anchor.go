package netpoll

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/panjf2000/gnet/v2"
	gerrors "github.com/panjf2000/gnet/v2/pkg/errors"
	"golang.org/x/sys/unix"
)

// anchor is the context of a socket pair's end that lives on a loop for as long as
// the loop does. gnet tells nobody its event loops, only connections have one: so
// each loop gets a connection before the first client comes, and mail reaches it
// from then on.
type anchor struct {
	far int // descriptor of the pair's other end
}

// pull makes an event on the loop. Should the pair be full of earlier pulls, the
// loop has its event already.
func (a *anchor) pull() { _, _ = unix.Write(a.far, []byte{0}) }

func (a *anchor) release() { _ = unix.Close(a.far) }

// anchorLoops gives each loop its anchor. gnet's Register takes the loops in turn.
func (s *Server) anchorLoops() {
	for range s.loops {
		if err := s.anchorNext(); err != nil {
			s.fail(fmt.Errorf("netpoll: anchor: %w", err))
			return
		}
	}
	close(s.ready)
}

func (s *Server) anchorNext() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	near := os.NewFile(uintptr(pair[0]), "anchor")
	defer near.Close()
	a := &anchor{far: pair[1]}
	s.anchors = append(s.anchors, a)
	conn, err := net.FileConn(near)
	if err != nil {
		return err
	}
	ctx := gnet.NewContext(gnet.NewNetConnContext(context.Background(), conn), a)
	registered, err := s.engine.Register(ctx)
	if err != nil {
		return err
	}
	select {
	case r := <-registered:
		return r.Err
	case <-s.quit:
		return gerrors.ErrEngineInShutdown
	}
}

// loopOf returns the Loop of one of gnet's event loops.
func (s *Server) loopOf(engine gnet.EventLoop) *Loop {
	s.binding.Lock()
	defer s.binding.Unlock()
	for _, l := range s.loops {
		bound := l.engine.Load()
		if bound == nil {
			own := engine // so that only this case allocates
			l.engine.Store(&own)
			l.wake() // for the mail that came before
			return l
		}
		if *bound == engine {
			return l
		}
	}
	panic("netpoll: gnet has more event loops than were asked for")
}
