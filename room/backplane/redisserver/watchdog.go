package redisserver

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// watchScript waits until its input ends, which is when the process that holds
// the other end has closed it or died in any way; then it ends the server whose
// directory is $1, if one still runs, and removes the directory. The working
// directory is looked at because the id in the file of a killed server may be
// another process's by now.
const watchScript = `
cat >/dev/null
pid=$(cat "$1/pid")
if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$(cd "$1" && pwd -P)" ]; then
	kill -KILL "$pid"
fi
rm -rf "$1"
`

// watchdog is a process that outlives this one to clean up after it.
type watchdog struct {
	cmd   *exec.Cmd
	leash io.WriteCloser
}

func watch(dir string) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchScript, "sh", dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // survives Ctrl-C in the terminal
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("redisserver: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("redisserver: %w", errors.Join(err, leash.Close()))
	}
	return &watchdog{cmd, leash}, nil
}

// release lets the watchdog do its work now, and waits for it.
func (w *watchdog) release() error {
	if err := errors.Join(w.leash.Close(), w.cmd.Wait()); err != nil {
		return fmt.Errorf("redisserver: removing the server's directory: %w", err)
	}
	return nil
}
