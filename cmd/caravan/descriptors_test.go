package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/caravan-chat/caravan/bench/await"
)

// TestWithoutDescriptorsMembersGoOnAndOthersWait lets a server have no descriptor more:
// members chat on, and whoever comes meanwhile is let in when there are some again.
func TestWithoutDescriptorsMembersGoOnAndOthersWait(t *testing.T) {
	onEachStore(t, func(t *testing.T, database string) {
		n := startHostile(t, database, nil)
		member, err := n.enter(0, "")
		if err != nil {
			t.Fatal(err)
		}
		say := func(text string) {
			t.Helper()
			if _, err := roundTrip(member, text); err != nil {
				t.Fatalf("%s: %v\n%s", text, err, n.logged())
			}
		}
		say("before")
		giveBack := n.takeDescriptors()
		for range 20 { // a few may be accepted: the server has closed something
			conn, err := net.Dial("tcp", n.listen)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		entered := make(chan error, 1)
		go func() {
			_, err := n.enter(2, "")
			entered <- err
		}()
		await.Until(t, "accepts fail", func() bool { return strings.Contains(n.logged(), "cannot be accepted") })
		say("meanwhile")
		giveBack()
		if err := await.Value(t, "the other member", entered); err != nil {
			t.Error(err)
		}
		say("after")
		if failed := n.metric("caravan_accept_failures_total"); failed == 0 {
			t.Error("no failure is counted")
		}
		if told := strings.Count(n.logged(), "cannot be accepted"); told != 1 {
			t.Errorf("the log says so %d times", told)
		}
	})
}

// takeDescriptors lowers the server's limit of open files to what it has open, until the
// function that it returns is called.
func (n *hostileNode) takeDescriptors() (giveBack func()) {
	n.t.Helper()
	pid, free := n.cmd.Process.Pid, 0
	for {
		if _, err := os.Lstat(fmt.Sprintf("/proc/%d/fd/%d", pid, free)); err != nil {
			break
		}
		free++
	}
	var usual unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &usual); err != nil {
		n.t.Fatal(err)
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(free), Max: usual.Max}, nil); err != nil {
		n.t.Fatal(err)
	}
	return func() {
		if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &usual, nil); err != nil {
			n.t.Fatal(err)
		}
	}
}
