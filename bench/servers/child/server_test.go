package child_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/child"
)

// shell returns a server that is ready as soon as its script says so in its log.
func shell(dir, script string, fell func(*os.ProcessState)) (*child.Server, error) {
	var s *child.Server
	s, err := child.New(child.Config{
		Name: "shell", Dir: dir, EndsOn: syscall.SIGKILL, Fell: fell,
		Command: func() *exec.Cmd {
			cmd := exec.Command("/bin/sh", "-c", script)
			cmd.Dir = s.Dir()
			return cmd
		},
		Ready: func(context.Context, int) bool { return strings.Contains(s.LogTail(), "ready") },
	})
	return s, err
}

func start(t *testing.T, script string, fell func(*os.ProcessState)) *child.Server {
	t.Helper()
	s, err := shell("", script, fell)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.Dir()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", s.Dir(), err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStopAndKillEndItAndStartBeginsAnew(t *testing.T) {
	fell := make(chan *os.ProcessState, 9)
	s := start(t, `trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done`, func(p *os.ProcessState) { fell <- p })
	if err := s.Start(t.Context()); err == nil {
		t.Error("it was started twice")
	}
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	pid := s.Pid()
	status, err := s.Stop(t.Context(), syscall.SIGTERM)
	if s.Pid() != pid || pid == os.Getpid() || pid == 0 {
		t.Errorf("process %d was %d", s.Pid(), pid)
	}
	if err != nil || status.ExitCode() != 3 || s.Running() {
		t.Errorf("stopped while paused: %v, %v, running %v", status, err, s.Running())
	}
	if err := errors.Join(s.Start(t.Context()), s.Pause(), s.Kill()); err != nil || s.Running() {
		t.Errorf("killed while paused: %v, running %v", err, s.Running())
	}
	if err := s.Kill(); err == nil {
		t.Error("what does not run was killed")
	}
	if err := s.Start(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case status := <-fell:
		t.Errorf("it is said to have ended by itself: %v", status)
	default:
	}
}

func TestAnEndThatNobodyAskedForIsTold(t *testing.T) {
	fell := make(chan *os.ProcessState, 1)
	s := start(t, `echo ready; while [ ! -e leave ]; do sleep 0.01; done; rm leave; exit 4`, func(p *os.ProcessState) { fell <- p })
	if err := os.WriteFile(filepath.Join(s.Dir(), "leave"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if status := await.Value(t, "the end is told", fell); status.ExitCode() != 4 || s.Running() {
		t.Errorf("%v, running %v", status, s.Running())
	}
	if err := s.Start(t.Context()); err != nil || !s.Running() {
		t.Errorf("after it ended by itself: %v, running %v", err, s.Running())
	}
}

func TestWhatDoesNotStartOrStopIsKilled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	s := start(t, `trap '' TERM; [ -e mute ] || echo ready; echo words; while :; do sleep 0.01; done`, nil)
	if _, err := s.Stop(ctx, syscall.SIGTERM); !errors.Is(err, context.DeadlineExceeded) || s.Running() {
		t.Errorf("it ignores the signal: %v, running %v", err, s.Running())
	}
	if err := os.WriteFile(filepath.Join(s.Dir(), "mute"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(s.Dir(), "shell.log")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Start(ctx) }()
	await.Until(t, "it says something", func() bool { return strings.Contains(s.LogTail(), "words") })
	cancel()
	if err := await.Value(t, "the end of Start", ended); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "words") || s.Running() {
		t.Errorf("it is never ready: %v, running %v", err, s.Running())
	}
}

// TestAFullDiskTakesNothingMore lets a child of the server write: the limit holds
// for it, and for those that come later, until it is lifted.
func TestAFullDiskTakesNothingMore(t *testing.T) {
	s := start(t, `trap '' XFSZ
		for i in 1 2; do (while :; do echo 1234567 >>file$i || : >full$i; sleep 0.001; done) & done 2>/dev/null
		echo ready; wait`, nil)
	size := func(name string) int64 {
		info, err := os.Stat(filepath.Join(s.Dir(), name))
		if err != nil {
			return -1
		}
		return info.Size()
	}
	const full = 1003
	if err := s.FillDisk(full); err != nil {
		t.Fatal(err)
	}
	for _, i := range []string{"1", "2"} {
		await.Until(t, "writing fails", func() bool { return size("full"+i) == 0 })
		if got := size("file" + i); got != full {
			t.Errorf("a full disk holds %d bytes, want %d", got, full)
		}
	}
	if err := s.FreeDisk(); err != nil {
		t.Fatal(err)
	}
	for _, i := range []string{"1", "2"} {
		await.Until(t, "there is room again", func() bool { return size("file"+i) > 2*full })
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if s.FillDisk(full) == nil || s.FreeDisk() == nil {
		t.Error("what does not run was given a limit")
	}
}

func TestFreePortsAreFreeTogether(t *testing.T) {
	port, err := child.FreePort(0, 10_000)
	if err != nil || port < 10_000 || port > 22_000 {
		t.Errorf("port %d, %v", port, err)
	}
	// Who looks for one at the same time gets another one, though nobody listens.
	for _, port := range []int{port, port + 10_000} {
		if l, err := net.Listen("unix", fmt.Sprintf("@caravan-port-%d", port)); err == nil {
			t.Errorf("port %d is nobody's", port)
			_ = l.Close()
		}
	}
}

// TestItEndsWithItsOwner runs this test binary again as an owner that is killed
// while its server and a child of that are frozen.
func TestItEndsWithItsOwner(t *testing.T) {
	const variable = "CARAVAN_TEST_CHILD_DIR"
	if dir, ok := os.LookupEnv(variable); ok {
		s, err := shell(dir, `sleep 1000 & echo ready $! $$; wait`, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Start(t.Context()), s.Pause()); err != nil {
			t.Fatal(err)
		}
		fmt.Println(s.Dir())
		fmt.Print(s.LogTail())
		time.Sleep(time.Minute)
		return
	}
	for _, keep := range []string{"", t.TempDir()} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		owner := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestItEndsWithItsOwner$")
		owner.Env = append(os.Environ(), variable+"="+keep)
		out, err := owner.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := owner.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		lines.Scan()
		dir := lines.Text()
		lines.Scan()
		var server, inner int
		if _, err := fmt.Sscanf(lines.Text(), "ready %d %d", &inner, &server); err != nil {
			t.Fatalf("the owner said %q: %v", lines.Text(), err)
		}
		if err := owner.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = owner.Wait()
		for _, pid := range []int{server, inner} {
			await.Until(t, "its processes have ended", func() bool { return ended(pid) })
		}
		if keep == "" {
			await.Until(t, "its directory is gone", func() bool {
				_, err := os.Stat(dir)
				return errors.Is(err, fs.ErrNotExist)
			})
		} else if _, err := os.Stat(filepath.Join(keep, "shell.log")); err != nil {
			t.Errorf("a directory that is not its own: %v", err)
		}
	}
}

// ended reports whether a process is gone, or waits for nothing but its burial.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}
