package child

import (
	"fmt"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// FillDisk lets the kernel refuse every write of the server beyond the first
// bytes of a file, as it refuses what a full disk has no room for: the write that
// crosses the limit is cut short, the next one fails, with EFBIG in place of
// ENOSPC. Files that are smaller may still grow that far. It needs no privilege and
// holds for all processes of the server until FreeDisk, or until the server ends.
//
// A server that does not ignore SIGXFSZ dies of it. PostgreSQL and programs in Go do.
func (s *Server) FillDisk(bytes uint64) error { return s.limitFiles(bytes) }

// FreeDisk lets the server's files grow again.
func (s *Server) FreeDisk() error {
	var ours unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &ours); err != nil {
		return s.fault(err)
	}
	return s.limitFiles(ours.Cur)
}

// limitFiles sets the soft limit of every process. A program does it, in the name of the
// server's user: root may not where it lacks CAP_SYS_RESOURCE, as in a container.
func (s *Server) limitFiles(bytes uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running() {
		return s.fault(errStopped)
	}
	var first error
	s.each(func(pid int) {
		cmd := exec.Command("prlimit", "--pid", strconv.Itoa(pid), fmt.Sprintf("--fsize=%d:", bytes))
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cfg.Owner}
		out, err := cmd.CombinedOutput()
		if err != nil && pid == s.life.cmd.Process.Pid { // the others come and go
			first = s.fault(fmt.Errorf("prlimit: %w\n%s", err, out))
		}
	})
	return first
}
