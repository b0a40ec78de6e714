package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// restartBy restarts a server by a shell command, which may say what the new process's id is.
func restartBy(command string) func(context.Context) (pid int, err error) {
	return func(ctx context.Context) (pid int, err error) {
		said, err := os.CreateTemp("", "caravan-restart-") // a pipe would be open for as long as the server lives
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, said.Close(), os.Remove(said.Name())) }()
		cmd := exec.CommandContext(ctx, "sh", "-c", command)
		cmd.Stdout, cmd.Stderr = said, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C ends the run, and not the server
		if err := cmd.Run(); err != nil {
			return 0, fmt.Errorf("%s: %w", command, err)
		}
		text, err := os.ReadFile(said.Name())
		words := strings.Fields(string(text))
		if err != nil || len(words) == 0 {
			return 0, err
		}
		if pid, err = strconv.Atoi(words[0]); err != nil || pid <= 0 {
			return 0, fmt.Errorf("%s: it printed %q, which is no process", command, words[0])
		}
		return pid, nil
	}
}
