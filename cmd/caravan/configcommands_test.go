package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

// TestOneLongValueDoesNotMoveTheOriginsOfAll, so that they are seen beside the names.
func TestOneLongValueDoesNotMoveTheOriginsOfAll(t *testing.T) {
	long := "sqlite:/" + strings.Repeat("a", 300)
	cfg, _, err := config.Load(config.ConfigPrint, []string{"--dev", "--database", long}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	if err := showConfig(&shown, cfg); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(shown.String(), "\n")
	column := strings.Index(head, "FROM")
	if column < 0 || column > 80 || !strings.Contains(shown.String(), long+"   the command line\n") {
		t.Fatalf("%s", shown.String())
	}
	for _, name := range []string{"admin-listen", "compression"} {
		for line := range strings.Lines(shown.String()) {
			if strings.HasPrefix(line, name+" ") && strings.Index(line, "the default") != column {
				t.Errorf("%q under %q", line, head)
			}
		}
	}
}

// TestAReaderThatHasWhatItWantedIsToldNothing, as `caravan user list | head -1` is used.
func TestAReaderThatHasWhatItWantedIsToldNothing(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = read.Close()
	cmd := process(t, nil, "config", "print", "--dev", "--log-level", "error")
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = write, &stderr
	err = cmd.Run()
	_ = write.Close()
	if err == nil || cmd.ProcessState.ExitCode() != exitFailed || stderr.Len() > 0 {
		t.Errorf("%v: %s", err, stderr.String())
	}
}
