package proc

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Process is one process of the machine and the CPU time that it has spent, to 10 ms.
type Process struct {
	PID          int
	Name         string
	User, System time.Duration
	started      int64 // in ticks since the machine started
}

// CPU is all that the process has spent.
func (p Process) CPU() time.Duration { return p.User + p.System }

// Processes lists the processes that can be seen, by their number.
func Processes() map[int]Process {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	all := make(map[int]Process, len(paths))
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		if p, err := parseStat(b); err == nil {
			all[p.PID] = p
		}
	}
	return all
}

// parseStat reads /proc/PID/stat. The name in parentheses may hold anything; the fields go
// on after the last one.
func parseStat(b []byte) (Process, error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 1 || end < open {
		return Process{}, fmt.Errorf("no name in parentheses: %.40q", b)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:open])))
	if err != nil {
		return Process{}, err
	}
	fields := strings.Fields(string(b[end+1:]))
	const user, system, started = 11, 12, 19 // fields 14, 15 and 22 of proc(5), counted after the name
	if len(fields) <= started {
		return Process{}, fmt.Errorf("only %d fields", len(fields))
	}
	p := Process{PID: pid, Name: string(b[open+1 : end])}
	if p.User, err = ticks(fields[user]); err != nil {
		return Process{}, err
	}
	if p.System, err = ticks(fields[system]); err != nil {
		return Process{}, err
	}
	p.started, err = strconv.ParseInt(fields[started], 10, 64)
	return p, err
}

// Busiest returns the processes that spent most between two readings, the busiest
// first, with what they spent then. It leaves out those with less than least.
func Busiest(from, to map[int]Process, least time.Duration, count int) []Process {
	var busy []Process
	for pid, p := range to {
		if before, ok := from[pid]; ok && before.started == p.started { // not another one with its number
			p.User, p.System = p.User-before.User, p.System-before.System
		}
		if p.CPU() >= least {
			busy = append(busy, p)
		}
	}
	slices.SortFunc(busy, func(a, b Process) int { return cmp.Or(cmp.Compare(b.CPU(), a.CPU()), cmp.Compare(a.PID, b.PID)) })
	return busy[:min(len(busy), count)]
}

// CommandLine returns the words that a process was started with; nil where they cannot be read.
func CommandLine(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// FileLimit returns how many files a process may open; zero where that cannot be read.
func FileLimit(pid int) int64 {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		return 0
	}
	return int64(min(limit.Cur, 1<<62))
}
