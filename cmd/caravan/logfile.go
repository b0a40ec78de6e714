package main

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// logWait is how long a line waits for a reader of stderr that is slow.
	logWait = 100 * time.Millisecond
	// logPieceBytes is what a pipe or a socket with room takes without blocking.
	logPieceBytes = 4096
)

// logFile writes to a file whose reader may stop reading, as a pipe's may: then lines
// are lost, and nobody waits. It is safe for concurrent use.
type logFile struct {
	file *os.File
	loss func(lines int) []byte // makes the line that tells how many are lost

	mu   sync.Mutex
	lost int  // lines, since the last one that was written; not zero: do not wait
	torn bool // the last one of them was written in part
}

var errNobodyReads = errors.New("nobody reads")

// openLog returns w, or where it is a file, one that does not block for long.
func openLog(w io.Writer, loss func(lines int) []byte) io.Writer {
	file, ok := w.(*os.File)
	if !ok {
		return w
	}
	return &logFile{file: file, loss: loss}
}

// Write writes a line, or loses it.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := logWait
	if l.lost > 0 {
		wait = 0
		if l.write(l.lossLine(), 0) == nil {
			l.lost, wait = 0, logWait
		}
	}
	if err := l.write(line, wait); err != nil {
		l.lost++
		return 0, err
	}
	return len(line), nil
}

func (l *logFile) lossLine() []byte {
	line := l.loss(l.lost)
	if l.torn {
		line = append([]byte{'\n'}, line...)
	}
	return line
}

// write writes as much as there is room for, and waits for more.
func (l *logFile) write(b []byte, wait time.Duration) (err error) {
	all := len(b)
	defer func() { l.torn = len(b) > 0 && (len(b) < all || l.torn) }()
	for len(b) > 0 {
		room := []unix.PollFd{{Fd: int32(l.file.Fd()), Events: unix.POLLOUT}}
		switch n, err := unix.Poll(room, int(wait.Milliseconds())); {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case n == 0:
			return errNobodyReads
		}
		n, err := l.file.Write(b[:min(len(b), logPieceBytes)])
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
