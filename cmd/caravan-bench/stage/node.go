package stage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/caravan-chat/caravan/bench/chaos"
)

const (
	readyPoll    = 10 * time.Millisecond
	drainTime    = time.Second      // over which a server that is stopped spreads its closes
	stopTimeout  = 60 * time.Second // for a server that was asked to stop; its database may be away
	databaseWait = "60s"            // for a server that starts; its database may be away
)

// node is one server, in one process after another.
type node struct {
	// Static after construction.
	name          string
	binary        string
	args          []string
	listen, admin string
	logPath       string
	fell          chan<- error

	// Owned by whoever breaks and mends it; never two at a time.
	process *exec.Cmd
	ended   chan struct{} // closed when the process has ended
	leave   chan struct{} // closed before the process is asked to end
}

func newNode(i int, cfg *Config, args []string, s *Stage) (*node, error) {
	n := &node{name: fmt.Sprintf("server %d", i+1), binary: cfg.Binary, fell: s.fell}
	n.logPath = filepath.Join(s.dir, fmt.Sprintf("server%d.log", i+1))
	for _, addr := range []*string{&n.listen, &n.admin} {
		var err error
		if *addr, err = freeAddr(); err != nil {
			return nil, err
		}
	}
	n.args = append([]string{"serve", "--listen", n.listen, "--admin-listen", n.admin, "--jwt-secret", cfg.Secret,
		"--rate", "0", "--drain-timeout", drainTime.String(), "--database-wait", databaseWait}, args...)
	return n, nil
}

// start starts the server and returns when it is ready.
func (n *node) start(ctx context.Context) error {
	log, err := os.OpenFile(n.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	process := exec.Command(n.binary, n.args...)
	process.Stdout, process.Stderr = log, log
	// Ctrl-C is for the harness, which ends its servers itself, in any way of ending.
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := process.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.name, err)
	}
	ended, leave := make(chan struct{}), make(chan struct{})
	n.process, n.ended, n.leave = process, ended, leave
	go func() {
		err := process.Wait()
		close(ended)
		select {
		case <-leave:
		default:
			select {
			case n.fell <- fmt.Errorf("%s ended by itself: %w", n.name, errors.Join(err, errors.New(process.ProcessState.String()))):
			default: // another one fell before
			}
		}
	}()
	return n.ready(ctx)
}

// ready waits until the server says that it is.
func (n *node) ready(ctx context.Context) error {
	for {
		asked, cancel := context.WithTimeout(ctx, time.Second)
		request, err := http.NewRequestWithContext(asked, http.MethodGet, "http://"+n.admin+"/readyz", nil)
		if err != nil {
			cancel()
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		isReady := err == nil && answer.StatusCode == http.StatusOK
		if err == nil {
			err = answer.Body.Close()
		}
		cancel()
		if isReady {
			return nil
		}
		select {
		case <-n.ended:
			return fmt.Errorf("%s ended while it started", n.name)
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", n.name, errors.Join(ctx.Err(), err))
		case <-time.After(readyPoll):
		}
	}
}

// kill ends the process as kill -9 does, if one runs.
func (n *node) kill() {
	if n.process == nil {
		return
	}
	n.signal(syscall.SIGKILL)
	<-n.ended
	n.process = nil
}

// signal sends a signal; those that end the process are announced to its watcher.
func (n *node) signal(sig syscall.Signal) {
	if sig == syscall.SIGKILL || sig == syscall.SIGTERM {
		close(n.leave)
	}
	_ = n.process.Process.Signal(sig) // a process that has ended wants no signal
}

func (n *node) faults() []chaos.Fault {
	start := func(ctx context.Context) (string, error) {
		if err := n.start(ctx); err != nil {
			return "", err
		}
		return fmt.Sprintf("process %d is ready", n.process.Process.Pid), nil
	}
	told := func(what string) (string, error) {
		return fmt.Sprintf("process %d %s", n.process.Process.Pid, what), nil
	}
	return []chaos.Fault{
		{Name: "kill -9", Max: 2 * time.Second, Mend: start, Break: func(context.Context) (string, error) {
			pid := n.process.Process.Pid
			n.kill()
			return fmt.Sprintf("process %d was killed", pid), nil
		}},
		{Name: "stop", Max: time.Second, Mend: start, Break: n.stop},
		{
			Name: "freeze", Min: 500 * time.Millisecond, Max: 5 * time.Second,
			Break: func(context.Context) (string, error) {
				n.signal(syscall.SIGSTOP)
				return told("is frozen")
			},
			Mend: func(context.Context) (string, error) {
				n.signal(syscall.SIGCONT)
				return told("goes on")
			},
		},
	}
}

// stop lets the server drain; it must end with status 0, and in time.
func (n *node) stop(ctx context.Context) (string, error) {
	process, begun := n.process, time.Now()
	n.signal(syscall.SIGTERM)
	select {
	case <-n.ended:
	case <-time.After(stopTimeout):
		return "", fmt.Errorf("%s did not stop within %v", n.name, stopTimeout)
	case <-ctx.Done():
		return "", ctx.Err()
	}
	n.process = nil
	if code := process.ProcessState.ExitCode(); code != 0 {
		return "", fmt.Errorf("%s ended with status %d (%v)", n.name, code, process.ProcessState)
	}
	return fmt.Sprintf("process %d drained in %.2fs, status 0", process.Process.Pid, time.Since(begun).Seconds()), nil
}

// logTail returns the end of the server's log.
func (n *node) logTail() string {
	const tailBytes = 8 << 10
	log, err := os.ReadFile(n.logPath)
	if err != nil {
		return err.Error() + "\n"
	}
	return string(log[max(0, len(log)-tailBytes):])
}
