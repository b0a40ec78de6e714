package main

import (
	"strings"
	"testing"

	"github.com/gobwas/ws/wsutil"
	"golang.org/x/sys/unix"
)

// TestALimitOfFileSizesFailsWritesNotTheServer lets the database file reach the
// process's limit: senders are told, and when there is room again all goes on.
func TestALimitOfFileSizesFailsWritesNotTheServer(t *testing.T) {
	t.Parallel()
	s := serveProcess(t)
	conn, _ := s.join()
	if _, err := wsutil.ReadServerText(conn); err != nil { // the history
		t.Fatal(err)
	}
	say := func() string {
		t.Helper()
		if err := wsutil.WriteClientText(conn, []byte(`{"type":"chat_message","content":"`+strings.Repeat("x", 9_000)+`"}`)); err != nil {
			t.Fatal(err)
		}
		answer, err := wsutil.ReadServerText(conn)
		if err != nil {
			t.Fatalf("%v\n%s", err, s.logged())
		}
		return string(answer)
	}
	if got := say(); !strings.Contains(got, `"seq":1`) {
		t.Fatalf("before the limit: %.100s", got)
	}
	limit := func(bytes uint64) {
		t.Helper()
		if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Fatal(err)
		}
	}
	limit(4_096)
	if got := say(); !strings.Contains(got, `"code":"unavailable"`) {
		t.Errorf("at the limit: %.100s", got)
	}
	limit(unix.RLIM_INFINITY)
	if got := say(); !strings.Contains(got, `"seq":2`) {
		t.Errorf("with room again: %.100s", got)
	}
}
