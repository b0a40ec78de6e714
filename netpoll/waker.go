package netpoll

import "golang.org/x/sys/unix"

// waker is a socket pair of which one end is registered with a loop for as long as
// the loop runs: a byte into the other end is an event there. It is the context of
// the registered end.
type waker struct {
	far int // descriptor of the other end
}

// signal makes an event on the loop. Should the pair be full of earlier signals, the
// loop has its event already.
func (w *waker) signal() { _, _ = unix.Write(w.far, []byte{0}) }

func (w *waker) release() { _ = unix.Close(w.far) }
