package main

import (
	"strings"
	"syscall"
	"testing"
)

// TestARestartSaysWhichProcessIsNew, and does not wait for it.
func TestARestartSaysWhichProcessIsNew(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]int{"true": 0, "echo 42": 42, "echo ' 42 is new'; echo more": 42} {
		if pid, err := restartBy(command)(t.Context()); pid != want || err != nil {
			t.Errorf("%q: %d, %v", command, pid, err)
		}
	}
	for command, want := range map[string]string{"exit 3": "exit status 3", "echo started": `"started"`, "echo -1": `"-1"`} {
		if pid, err := restartBy(command)(t.Context()); pid != 0 || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %d, %v", command, pid, err)
		}
	}
	pid, err := restartBy("sleep 600 & echo $!")(t.Context())
	if err != nil || pid <= 1 {
		t.Fatalf("%d, %v", pid, err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("it does not live on: %v", err)
	}
}
