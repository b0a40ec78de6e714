package outbox

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// vectorMax is how many buffers one writev takes (IOV_MAX).
const vectorMax = 1024

// Writer writes outboxes to descriptors. It keeps the scratch memory of writev:
// unix.Writev would make a new one for each call with more than eight buffers. The
// zero value is ready.
type Writer struct {
	parts []unix.Iovec
}

// Write writes the beginning of an outbox, which is not empty, with one system
// call, and returns how many bytes it wanted to write, too. The outbox is advanced
// by whoever counts what was written.
func (w *Writer) Write(fd int, o *Outbox) (n, asked int, err error) {
	bufs := o.bufs[o.head:]
	if len(bufs) == 1 {
		n, err = unix.Write(fd, bufs[0])
		return n, len(bufs[0]), err
	}
	if len(bufs) > vectorMax {
		bufs = bufs[:vectorMax]
	}
	w.parts = w.parts[:0]
	for _, b := range bufs {
		part := unix.Iovec{Base: unsafe.SliceData(b)}
		part.SetLen(len(b))
		w.parts = append(w.parts, part)
		asked += len(b)
	}
	r, _, errno := unix.Syscall(unix.SYS_WRITEV, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(w.parts))), uintptr(len(w.parts)))
	clear(w.parts) // keep no buffer alive
	if errno != 0 {
		return 0, asked, errno
	}
	return int(r), asked, nil
}
