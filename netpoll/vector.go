package netpoll

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// vectorMax is how many buffers one writev takes (IOV_MAX).
const vectorMax = 1024

// vector is the scratch memory of a loop's writes. unix.Writev would make a new
// one for each call with more than eight buffers.
type vector struct {
	parts []unix.Iovec
}

// write writes the beginning of an outbox, which is not empty, with one system
// call, and returns how many bytes it wanted to write, too.
func (v *vector) write(fd int, o *outbox) (n, asked int, err error) {
	bufs := o.bufs[o.head:]
	if len(bufs) == 1 {
		n, err = unix.Write(fd, bufs[0])
		return n, len(bufs[0]), err
	}
	if len(bufs) > vectorMax {
		bufs = bufs[:vectorMax]
	}
	v.parts = v.parts[:0]
	for _, b := range bufs {
		part := unix.Iovec{Base: unsafe.SliceData(b)}
		part.SetLen(len(b))
		v.parts = append(v.parts, part)
		asked += len(b)
	}
	r, _, errno := unix.Syscall(unix.SYS_WRITEV, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(v.parts))), uintptr(len(v.parts)))
	clear(v.parts) // keep no buffer alive
	if errno != 0 {
		return 0, asked, errno
	}
	return int(r), asked, nil
}
