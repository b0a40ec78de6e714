package child

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"syscall"
)

// watchScript reads which process to end, the last word counts, until its input
// ends: then the process that held the other end has closed it or died in any way.
// It ends that process with the signal $1, kills what is left 4 s later, and
// removes the directory $2.
const watchScript = `
while read -r word; do pid=$word; done
if [ -n "$pid" ]; then
	children=$(cat "/proc/$pid/task/$pid/children")
	kill -"$1" "$pid"
	kill -CONT "$pid" $children
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		grep -q '^State:.[^ZX]' "/proc/$pid/status" || break
		sleep 0.2
	done
	kill -KILL "$pid" $children
fi
[ -z "$2" ] || rm -rf "$2"
`

// watchdog is a process that outlives this one to clean up after it.
type watchdog struct {
	cmd   *exec.Cmd
	leash io.WriteCloser
}

func watch(signal syscall.Signal, dir string) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchScript, "sh", strconv.Itoa(int(signal)), dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // survives Ctrl-C in the terminal
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, leash.Close())
	}
	return &watchdog{cmd, leash}, nil
}

// guard says which process is to end with this one, in place of the one before.
func (w *watchdog) guard(pid int) error {
	if _, err := fmt.Fprintln(w.leash, pid); err != nil {
		return fmt.Errorf("its watchdog is gone: %w", err)
	}
	return nil
}

// rest says that there is nothing to end: the id may be another process's from now on.
func (w *watchdog) rest() {
	_, _ = fmt.Fprintln(w.leash) // one that is gone ends nothing
}

// release lets the watchdog do its work now, and waits for it.
func (w *watchdog) release() error {
	if err := errors.Join(w.leash.Close(), w.cmd.Wait()); err != nil {
		return fmt.Errorf("cleaning up: %w", err)
	}
	return nil
}
