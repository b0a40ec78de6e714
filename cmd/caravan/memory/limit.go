// Package memory knows how much memory the process may use, and notices when that
// becomes short.
package memory

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Machine is where a Limit is from that nobody has set.
const Machine = "machine"

// Limit is how much memory the process may use.
type Limit struct {
	Bytes int64
	From  string // GOMEMLIMIT, cgroup or machine
}

// goShare is the part, in percent, of the memory of a cgroup or machine that Go may use:
// the rest is for what Go does not count, and for a collection that comes late.
const goShare = 90

// Adopt returns the process's limit: GOMEMLIMIT, or else most of what its cgroup allows,
// to which Go's collector is told to keep then, or else most of the machine's memory.
var Adopt = sync.OnceValue(func() Limit {
	if own := debug.SetMemoryLimit(-1); own != math.MaxInt64 {
		return Limit{own, "GOMEMLIMIT"}
	}
	if bytes, ok := cgroupBytes(os.DirFS("/")); ok && bytes < machineBytes() {
		bytes = bytes / 100 * goShare
		if os.Getenv("GOMEMLIMIT") == "" { // otherwise it is "off"
			debug.SetMemoryLimit(bytes)
		}
		return Limit{bytes, "cgroup"}
	}
	return Limit{machineBytes() / 100 * goShare, Machine}
})

// machineBytes is the machine's memory.
func machineBytes() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return math.MaxInt64
	}
	return int64(info.Totalram) * int64(info.Unit)
}

// cgroupBytes returns what the process's control groups allow, of version 2 or 1; false
// where they allow any. Each group above counts, too.
func cgroupBytes(root fs.FS) (bytes int64, limited bool) {
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	bytes = math.MaxInt64
	for line := range strings.Lines(string(own)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) < 3 {
			continue
		}
		dir, file := "sys/fs/cgroup", "memory.max"
		if part[1] != "" {
			if !slices.Contains(strings.Split(part[1], ","), "memory") {
				continue
			}
			dir, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		// In a container the group's own path may be that of the host, and not be there.
		for group := path.Clean("/" + part[2]); ; group = path.Dir(group) {
			bytes = min(bytes, readBytes(root, path.Join(dir, group, file)))
			if group == "/" {
				break
			}
		}
	}
	return bytes, bytes < math.MaxInt64
}

// readBytes reads a file with one number. "max", or no such file, is any.
func readBytes(root fs.FS, name string) int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return math.MaxInt64
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n <= 0 {
		return math.MaxInt64
	}
	return n
}
