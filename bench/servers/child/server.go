package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	readyPoll    = 5 * time.Millisecond
	closeTimeout = 30 * time.Second // for a server that was told to end at once
)

// Config says what a server is.
type Config struct {
	Name string // what errors, its log and its directory are named after

	// Dir is where its log is written, and stays when the server is closed. Empty: a
	// directory of its own below Parent (empty: that of temporary files), which
	// belongs to Owner and is removed when the server is closed.
	Dir, Parent string

	Owner   *syscall.Credential             // whom it runs as; nil: the user that started it
	EndsOn  syscall.Signal                  // ends it at once and leaves nothing behind in the kernel
	Command func() *exec.Cmd                // for each start; its output and SysProcAttr are set here
	Ready   func(context.Context, int) bool // whether the server whose process is that one can be used
	Fell    func(status *os.ProcessState)   // told of an end that nobody here asked for; may be nil
}

// Server is a server in one process after another. Its methods are safe for
// concurrent use; those that change its state wait for each other.
type Server struct {
	// Static after New.
	cfg      Config
	dir      string
	watchdog *watchdog

	mu     sync.Mutex
	life   *life // the last; nil: never started
	paused []int // the processes that Pause stopped
	closed bool
}

// life is one process of a server, from its start to its end.
type life struct {
	cmd    *exec.Cmd
	asked  atomic.Bool   // to end
	exited chan struct{} // closed when it has ended
}

// New prepares a server and its directory. The caller starts and closes it; the
// end of the calling process closes it too.
func New(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, dir: cfg.Dir}
	remove := ""
	if s.dir == "" {
		var err error
		if s.dir, err = os.MkdirTemp(cfg.Parent, "caravan-"+cfg.Name+"-"); err != nil {
			return nil, s.fault(err)
		}
		remove = s.dir
	}
	var err error
	if s.watchdog, err = watch(cfg.EndsOn, remove); err != nil {
		if remove != "" {
			err = errors.Join(err, os.Remove(remove))
		}
		return nil, s.fault(err)
	}
	if remove != "" && cfg.Owner != nil {
		if err := os.Chown(remove, int(cfg.Owner.Uid), int(cfg.Owner.Gid)); err != nil {
			return nil, errors.Join(s.fault(err), s.Close())
		}
	}
	return s, nil
}

func (s *Server) fault(err error) error { return fmt.Errorf("%s: %w", s.cfg.Name, err) }

// Dir returns the directory that holds the server's log.
func (s *Server) Dir() string { return s.dir }

// Start starts a server that does not run, and returns when it is ready; one that
// is not when ctx ends is killed.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.running() {
		return s.fault(errors.New("it runs, or was closed"))
	}
	log, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return s.fault(err)
	}
	defer log.Close() // the process has its own
	cmd := s.cfg.Command()
	cmd.Stdout, cmd.Stderr = log, log
	// Ctrl-C is for us, who end our servers ourselves.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: s.cfg.Owner}
	if err := cmd.Start(); err != nil {
		return s.fault(err)
	}
	s.life = &life{cmd: cmd, exited: make(chan struct{})}
	err = s.watchdog.guard(cmd.Process.Pid)
	go s.await(s.life)
	if err == nil {
		err = s.ready(ctx)
	}
	if err != nil {
		s.kill()
		return fmt.Errorf("%w\n%s", s.fault(err), s.LogTail())
	}
	return nil
}

// await waits for the end of a life.
func (s *Server) await(l *life) {
	_ = l.cmd.Wait() // how it ended is in its state
	s.watchdog.rest()
	close(l.exited)
	if !l.asked.Load() && s.cfg.Fell != nil {
		s.cfg.Fell(l.cmd.ProcessState)
	}
}

func (s *Server) ready(ctx context.Context) error {
	for {
		select {
		case <-s.life.exited:
			return fmt.Errorf("it ended while it started: %v", s.life.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("it is not ready: %w", ctx.Err())
		case <-time.After(readyPoll):
		}
		if s.cfg.Ready(ctx, s.life.cmd.Process.Pid) {
			return nil
		}
	}
}

// Running reports whether the server was started and has not ended, paused or not.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running()
}

func (s *Server) running() bool {
	if s.life == nil {
		return false
	}
	select {
	case <-s.life.exited:
		return false
	default:
		return true
	}
}

// Pid returns the id of the server's process, of the last one where none runs.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life == nil {
		return 0
	}
	return s.life.cmd.Process.Pid
}

// LogTail returns the end of what the server wrote to its standard output and error.
func (s *Server) LogTail() string {
	const tailBytes = 8 << 10
	log, err := os.ReadFile(s.logPath())
	if err != nil {
		return err.Error() + "\n"
	}
	return string(log[max(0, len(log)-tailBytes):])
}

func (s *Server) logPath() string { return filepath.Join(s.dir, s.cfg.Name+".log") }

// Close ends the server and removes what is its own. Calling it again does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.running() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		_, err = s.stop(ctx, s.cfg.EndsOn)
	}
	if err2 := s.watchdog.release(); err2 != nil {
		err = errors.Join(err, s.fault(err2))
	}
	return err
}
