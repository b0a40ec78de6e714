package proc

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Facts are what a reader must know of a machine to compare figures.
type Facts struct {
	Cores       int    `json:"cores"`
	Processor   string `json:"processor"`
	Kernel      string `json:"kernel"`
	MemoryBytes int64  `json:"memory_bytes"`
	Go          string `json:"go"`
}

// Machine describes the machine that the harness runs on. What cannot be read is
// left empty.
func Machine() Facts {
	f := Facts{Cores: runtime.NumCPU(), Go: runtime.Version()}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		f.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		f.MemoryBytes = int64(info.Totalram) * int64(info.Unit)
	}
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return f
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			f.Processor = strings.TrimSpace(value)
			break
		}
	}
	return f
}

// AvailableMemory is how many bytes programs can still take, by the kernel's reckoning; zero where it
// does not say.
func AvailableMemory() int64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

// Boot is the id of this machine's present boot: processes with the same one share a machine, and
// its clocks. Empty where it cannot be read.
func Boot() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// Self returns the CPU time that this process has spent.
func Self() time.Duration {
	var use unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &use); err != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// Times is what all processors together have spent since the machine started.
type Times struct {
	Busy  time.Duration
	Idle  time.Duration
	Steal time.Duration // wanted, but given to another machine by the hypervisor
}

// MachineTimes reads the processors' times; zero where they cannot be read.
func MachineTimes() Times {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Times{}
	}
	line, _, _ := strings.Cut(string(b), "\n")
	fields := strings.Fields(line)
	const idle, ioWait, steal, counted = 4, 5, 8, 9 // guest times are part of user time
	if len(fields) < counted || fields[0] != "cpu" {
		return Times{}
	}
	var t Times
	for i := 1; i < counted; i++ {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return Times{}
		}
		d := time.Duration(n) * (time.Second / ticksPerSecond)
		switch i {
		case idle, ioWait:
			t.Idle += d
		case steal:
			t.Steal += d
		default:
			t.Busy += d
		}
	}
	return t
}
