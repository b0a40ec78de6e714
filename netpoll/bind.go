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

// bindLoops gives each loop its waker, and with it its event loop: gnet tells nobody
// its event loops, only connections have one. So each gets a connection before the
// first client comes, and mail reaches it from then on. gnet's Register takes the
// loops in turn.
func (s *Server) bindLoops() {
	for range s.loops {
		if err := s.bindNext(); err != nil {
			s.fail(fmt.Errorf("netpoll: waker: %w", err))
			return
		}
	}
	close(s.ready)
}

func (s *Server) bindNext() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	near := os.NewFile(uintptr(pair[0]), "waker")
	defer near.Close()
	w := &waker{far: pair[1]}
	s.wakers = append(s.wakers, w)
	conn, err := net.FileConn(near)
	if err != nil {
		return err
	}
	ctx := gnet.NewContext(gnet.NewNetConnContext(context.Background(), conn), w)
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
			d, ok := descriptorsOf(own)
			if !ok {
				panic("netpoll: gnet's event loops are built otherwise")
			}
			l.descriptors = d
			l.engine.Store(&own)
			l.Wake() // for the mail that came before
			return l
		}
		if *bound == engine {
			return l
		}
	}
	panic("netpoll: gnet has more event loops than were asked for")
}
