package netpoll

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/await"
)

// lines counts the lines of a log.
type lines struct{ n atomic.Int64 }

func (l *lines) Write(p []byte) (int, error) {
	l.n.Add(1)
	return os.Stderr.Write(p)
}

// An accept that fails, whatever the error, ends nothing: who is connected goes on, and
// who comes when it works again is accepted.
func TestAnAcceptThatFailsEndsNothing(t *testing.T) {
	var log lines
	s := start(t, Config{Loops: 1, Handler: funcs{message: echoBack}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	c := dial(t, s)
	listener := s.loops[0].listener
	begun := time.Now()
	if err := unix.Shutdown(listener, unix.SHUT_RD); err != nil { // accepts fail with EINVAL
		t.Fatal(err)
	}
	await.Until(t, "accepts have failed", func() bool { return s.Stats().Failed >= 3 })
	c.send("still here")
	c.expect("still here")
	if failed, most := s.Stats().Failed, 2*uint64(time.Since(begun)/tickPeriod+2); failed > most {
		t.Errorf("%d accepts have failed in %v: the loop has no rest", failed, time.Since(begun))
	}
	if err := unix.Listen(listener, 128); err != nil {
		t.Fatal(err)
	}
	dial(t, s).send("new")
	c.send("and still")
	c.expect("and still")
	if n := log.n.Load(); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
}

// TestWithoutDescriptorsTheServerWaitsForSome runs a server in a process of its own, which
// opens other files until it may open no more.
func TestWithoutDescriptorsTheServerWaitsForSome(t *testing.T) {
	const variable = "NETPOLL_TEST_FILLS_DESCRIPTORS"
	if os.Getenv(variable) != "" {
		fillDescriptors(t)
		return
	}
	const loops, waiting = 2, 20
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), variable+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(stdout)
	ask := func(command string) string {
		t.Helper()
		if _, err := io.WriteString(stdin, command+"\n"); err != nil {
			t.Fatal(err)
		}
		answer, err := answers.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		return strings.TrimSpace(answer)
	}
	failed := func() (n uint64) {
		if err := json.Unmarshal([]byte(ask("failed")), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	address := ask("address")
	enter := func() *client { // may have to wait for its answer
		c := connectTo(t, address)
		c.write([]byte(plainRequest))
		return c
	}
	member := enter()
	member.response()
	var pages [2]*client // plain HTTP, which may ask for a WebSocket later
	for i := range pages {
		pages[i] = connectTo(t, address)
		pages[i].write([]byte(plainGet))
		pages[i].page("1")
	}
	if opened := ask("fill"); opened == "0" {
		t.Fatal("nothing was opened")
	}
	begun := time.Now()
	var comers []*client
	for range waiting {
		comers = append(comers, enter())
	}
	await.Until(t, "accepts fail", func() bool { return failed() >= 2*loops })
	member.send("still here")
	member.expect("still here")
	if n, most := failed(), 2*loops*uint64(time.Since(begun)/tickPeriod+2); n > most {
		t.Errorf("%d accepts have failed in %v: the loops have no rest", n, time.Since(begun))
	}
	pages[0].write([]byte(plainRequest)) // there is no descriptor for the way back
	pages[0].expectEOF()
	ask("free")
	pages[1].write([]byte(plainRequest))
	for _, c := range append(comers, pages[1]) {
		if r := c.response(); r.StatusCode != 101 {
			t.Error(r.Status)
		}
		c.send("hello")
		c.expect("hello")
	}
	member.send("and still")
	member.expect("and still")
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, log.String())
	}
	for _, what := range []string{"cannot be accepted", "cannot be taken back"} {
		if told := strings.Count(log.String(), what); told != 1 {
			t.Errorf("the log says %d times %q:\n%s", told, what, log.String())
		}
	}
}

// fillDescriptors is the other process. It does what it reads, and answers each line.
func fillDescriptors(t *testing.T) {
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 800, Max: 800}); err != nil {
		t.Fatal(err)
	}
	s := startTakingBack(t, Config{Loops: 2, Handler: funcs{message: echoBack}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	var files []int
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		switch commands.Text() {
		case "address":
			fmt.Println(s.Addr())
		case "fill":
			for {
				fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
				if err != nil {
					break
				}
				files = append(files, fd)
			}
			fmt.Println(len(files))
		case "free":
			for _, fd := range files {
				_ = unix.Close(fd)
			}
			fmt.Println("freed")
		case "failed":
			fmt.Println(s.Stats().Failed)
		}
	}
}
