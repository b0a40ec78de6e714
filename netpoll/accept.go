package netpoll

import (
	"errors"
	"time"

	gerrors "github.com/panjf2000/gnet/v2/pkg/errors"
	"golang.org/x/sys/unix"
)

// gnet ends its engine, and with it all connections, where an accept fails: because of
// the process's limit of open files, of the machine's, of memory, of a firewall. It
// returns ErrAcceptSocket, and asks by errors.Is whether it did. A value without equality
// is not even itself: so the answer is no, and the engine goes on.
func init() { gerrors.ErrAcceptSocket = failedAccept{} }

type failedAccept []struct{}

func (failedAccept) Error() string { return "accept failed" }

// acceptFailed is told on some loop that an accept has failed. The client waits in the
// kernel, and the loop would be woken for it again and again: so all loops leave their
// listeners alone until their next tick, as what there was none of they share.
func (s *Server) acceptFailed(err error) {
	if s.draining.Load() && errors.Is(err, unix.EINVAL) {
		return // the listener was shut between the loop's wake-up and its look
	}
	failures := s.acceptFailures.Add(1)
	for _, l := range s.loops {
		// At once for the loop that this is, which would fail again until it has its mail: whoever
		// has woken it may have been stopped before gnet heard of it.
		l.unlisten()
		l.Post(l.stopAccepting)
	}
	if s.acceptTold.due(time.Now()) {
		s.log.Error("netpoll: connections cannot be accepted: they wait", "error", err, "failures", failures)
	}
}

// unlisten has the kernel tell the loop no more of its listener. Safe from any goroutine: the
// descriptors are those of the loop as long as it may be woken.
func (l *Loop) unlisten() {
	l.waking.Lock()
	defer l.waking.Unlock()
	if !l.wakeForbidden {
		_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, l.listener, nil) // it may be deaf already
	}
}

// stopAccepting has new connections wait in the kernel.
func (l *Loop) stopAccepting() {
	if !l.deaf && !l.shut {
		l.deaf = true
		_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, l.listener, nil) // it is there
	}
}

// acceptAgain ends that. It is tried again where it fails for want of memory.
func (l *Loop) acceptAgain() {
	if l.deaf && !l.shut {
		in := unix.EpollEvent{Fd: int32(l.listener), Events: unix.EPOLLIN | unix.EPOLLPRI}
		l.deaf = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, l.listener, &in) != nil
	}
}

// shutListener has the kernel refuse new connections, as it does where nobody listens,
// once those that it has accepted for the loop are taken. gnet closes the descriptor.
func (l *Loop) shutListener() {
	if l.shut {
		return
	}
	waiting := []unix.PollFd{{Fd: int32(l.listener), Events: unix.POLLIN}}
	if n, err := unix.Poll(waiting, 0); err != nil || n > 0 && !l.deaf {
		return // the next tick tries again
	}
	l.shut = true
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, l.listener, nil) // nothing more is to be heard of it
	_ = unix.Shutdown(l.listener, unix.SHUT_RDWR)                   // it is there
	l.shared.listeners.Add(-1)
}

// unhear drops what begins a connection to the loop's listener. Sockets that it has accepted,
// or will yet, get no such packet. Where the kernel takes no filter all stays as it is.
func (l *Loop) unhear() {
	const flags, syn = 13, 1 << 1 // of a TCP header: which byte, which bit of it
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: syn, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 16}, // all bytes of it
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_ = unix.SetsockoptSockFprog(l.listener, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program)
}
