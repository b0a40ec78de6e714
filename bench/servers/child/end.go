package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

var errStopped = errors.New("it does not run")

// Stop sends the server a signal that lets it end, and returns how it did. One
// that is still there when ctx ends is killed, which is an error.
func (s *Server) Stop(ctx context.Context, signal syscall.Signal) (*os.ProcessState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop(ctx, signal)
}

func (s *Server) stop(ctx context.Context, signal syscall.Signal) (*os.ProcessState, error) {
	if !s.running() {
		return nil, s.fault(errStopped)
	}
	l := s.life
	l.asked.Store(true)
	_ = l.cmd.Process.Signal(signal) // an error means that it has ended, which is what is wanted
	s.resume()
	select {
	case <-l.exited:
		return l.cmd.ProcessState, nil
	case <-ctx.Done():
		s.kill()
		return nil, s.fault(fmt.Errorf("still running after %v: %w", signal, ctx.Err()))
	}
}

// Kill ends all processes of the server at once with SIGKILL.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running() {
		return s.fault(errStopped)
	}
	s.kill()
	return nil
}

func (s *Server) kill() {
	s.life.asked.Store(true)
	for _, pid := range s.freeze() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.life.exited
	s.paused = nil
}

// Pause freezes all processes of the server with SIGSTOP: connections stay open,
// new ones are accepted by the kernel, and nothing answers.
func (s *Server) Pause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running() {
		return s.fault(errStopped)
	}
	s.paused = s.freeze()
	return nil
}

// Resume lets a paused server go on.
func (s *Server) Resume() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running() {
		return s.fault(errStopped)
	}
	s.resume()
	return nil
}

func (s *Server) resume() {
	for _, pid := range s.paused {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	s.paused = nil
}

// freeze stops every process of the server and returns their ids.
func (s *Server) freeze() (pids []int) {
	s.each(func(pid int) {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
		pids = append(pids, pid)
	})
	return pids
}

// each calls do with every process of the server that runs: with the first before
// it looks for those that it started, so that what do does holds for later ones too.
func (s *Server) each(do func(pid int)) {
	if !s.running() {
		return
	}
	pid := s.life.cmd.Process.Pid
	do(pid)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return // it has ended
	}
	for field := range strings.FieldsSeq(string(children)) {
		if child, err := strconv.Atoi(field); err == nil {
			do(child)
		}
	}
}
