// Package proc reads what a process and the machine have spent, from Linux's
// /proc. All functions are safe for concurrent use.
package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is USER_HZ, which Linux fixes for every architecture that Go
// runs on.
const ticksPerSecond = 100

// Sample is what a process had spent and held at a moment.
type Sample struct {
	PID     int
	At      time.Time
	CPU     time.Duration // user and system, to the nanosecond where the kernel keeps scheduler statistics
	User    time.Duration // to 10 ms
	System  time.Duration // to 10 ms
	RSS     int64         // bytes resident
	Anon    int64         // bytes resident that belong to no file: user-space memory
	Threads int

	exact map[string]time.Duration // by thread id; nil where there are no scheduler statistics
}

// Read samples a process.
func Read(pid int) (Sample, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	s := Sample{PID: pid, At: time.Now()}
	if err := s.readStat(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return s, fmt.Errorf("there is no process %d", pid)
		}
		return s, err
	}
	s.exact = threadTimes(dir)
	for _, d := range s.exact {
		s.CPU += d
	}
	return s, s.readStatus(dir)
}

// Since returns the CPU time that the process spent from an earlier sample to
// this one. Scheduler statistics are exact but forget threads that ended; where
// that happened, the coarser account of the whole process is used.
func (s Sample) Since(earlier Sample) time.Duration {
	coarse := s.User + s.System - earlier.User - earlier.System
	if s.exact == nil || earlier.exact == nil {
		return coarse
	}
	for thread := range earlier.exact {
		if _, lives := s.exact[thread]; !lives {
			return coarse
		}
	}
	return s.CPU - earlier.CPU
}

func (s *Sample) readStat(dir string) error {
	b, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return err
	}
	p, err := parseStat(b)
	if err != nil {
		return fmt.Errorf("%s/stat: %w", dir, err)
	}
	s.User, s.System = p.User, p.System
	return nil
}

func ticks(field string) (time.Duration, error) {
	n, err := strconv.ParseInt(field, 10, 64)
	return time.Duration(n) * (time.Second / ticksPerSecond), err
}

// threadTimes reads the running time of every thread; nil if the kernel keeps none.
func threadTimes(dir string) map[string]time.Duration {
	paths, err := filepath.Glob(dir + "/task/*/schedstat")
	if err != nil || len(paths) == 0 {
		return nil
	}
	times := make(map[string]time.Duration, len(paths))
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // the thread ended meanwhile
		}
		first, _, _ := strings.Cut(string(b), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return nil
		}
		times[filepath.Base(filepath.Dir(path))] = time.Duration(ns)
	}
	return times
}

func (s *Sample) readStatus(dir string) error {
	b, err := os.ReadFile(dir + "/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSuffix(strings.TrimSpace(value), " kB")
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			continue // a line of another shape
		}
		switch name {
		case "VmRSS":
			s.RSS = n << 10
		case "RssAnon":
			s.Anon = n << 10
		case "Threads":
			s.Threads = int(n)
		}
	}
	return nil
}
