package proc

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// RaiseDescriptors lets this process open as many files as the system permits,
// and fails when those are fewer than need.
func RaiseDescriptors(need int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return fmt.Errorf("limit of open files: %w", err)
		}
	}
	if uint64(need) > limit.Cur {
		return fmt.Errorf("%d open files are needed and %d are permitted: raise the hard limit (ulimit -Hn) or use fewer connections", need, limit.Cur)
	}
	return nil
}
