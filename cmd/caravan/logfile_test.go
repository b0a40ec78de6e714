package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/await"
)

// narrowPipe returns a pipe that takes one page.
func narrowPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		_ = w.Close()
	})
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, os.Getpagesize()); err != nil {
		t.Fatal(err)
	}
	return r, w
}

func TestALogThatNobodyReadsLosesLinesAndSaysHowMany(t *testing.T) {
	for name, length := range map[string]int{"short lines": 100, "lines of several pages": 10_000} {
		t.Run(name, func(t *testing.T) {
			r, w := narrowPipe(t)
			log := openLog(w, func(lines int) []byte { return fmt.Appendf(nil, "%d lost\n", lines) })
			line := strings.Repeat("x", length) + "\n"
			written, lost := 0, 0
			for range 100 {
				if _, err := io.WriteString(log, line); err != nil {
					lost++
				} else {
					written++
				}
			}
			if lost < 50 {
				t.Fatalf("%d of 100 lines were lost; the pipe is not full", lost)
			}
			read := make(chan string)
			go func() {
				text, _ := io.ReadAll(r)
				read <- string(text)
			}()
			await.Until(t, "a line is written again", func() bool {
				if _, err := io.WriteString(log, "again\n"); err != nil {
					lost++
					return false
				}
				return true
			})
			_ = w.Close()
			text := await.Value(t, "what was read", read)
			want := fmt.Sprintf("\n%d lost\nagain\n", lost)
			if strings.Count(text, line) != written || !strings.HasSuffix(text, want) {
				t.Errorf("%d lines were written, %d came; the end is %q, want %q", written, strings.Count(text, line), text[max(0, len(text)-60):], want)
			}
		})
	}
}

// TestServingGoesOnWhereNobodyReadsItsLog gives a server a pipe for stderr from which
// nothing is read once it is ready.
func TestServingGoesOnWhereNobodyReadsItsLog(t *testing.T) {
	t.Parallel()
	r, w := narrowPipe(t)
	cmd := process(t, nil, "serve", "--dev", "--listen", "127.0.0.1:0", "--admin-listen", "", "--log-format", "json", "--log-level", "debug")
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the status is looked at
	}()
	var ready struct{ Msg, Listen string }
	for lines := bufio.NewScanner(r); ready.Msg != "ready" && lines.Scan(); {
		if err := json.Unmarshal(lines.Bytes(), &ready); err != nil {
			t.Fatal(err)
		}
	}
	client := http.Client{Timeout: await.Limit}
	for range 200 { // each is a line of the log
		res, err := client.Get("http://" + ready.Listen + "/api/v1/chat/rooms/")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await.Done(t, "the server ends", ended)
	if status := cmd.ProcessState.ExitCode(); status != exitOK {
		t.Errorf("status %d", status)
	}
}
