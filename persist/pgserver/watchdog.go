package pgserver

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// watchScript waits until its input ends, which is when the process that holds
// the other end has closed it or died in any way; then it ends the server whose
// directory is $1, if one still runs, and removes the directory. The command line
// is looked at because the id in a crashed server's lock file may be another
// process's by now.
const watchScript = `
cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid")
if [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -e "-D $1/data"; then
	children=$(cat "/proc/$pid/task/$pid/children")
	kill -QUIT $pid
	kill -CONT $pid $children
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		kill -0 $pid || break
		sleep 0.2
	done
	kill -KILL $pid $children
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
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("pgserver: %w", errors.Join(err, leash.Close()))
	}
	return &watchdog{cmd, leash}, nil
}

// release lets the watchdog do its work now, and waits for it.
func (w *watchdog) release() error {
	if err := errors.Join(w.leash.Close(), w.cmd.Wait()); err != nil {
		return fmt.Errorf("pgserver: removing the server's directory: %w", err)
	}
	return nil
}
