package netpoll

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// refusedLingerMax is how many sockets above ConnectionsMax get their refusal
	// in the orderly way; those above it are closed at once.
	refusedLingerMax = 128

	// descriptorsReserved is what the rest of the process may need: databases, log
	// files, duplicates in a hand-over. gnet ends its engine when an accept fails
	// for want of a descriptor; so the last ones are never used for connections.
	descriptorsReserved = 512
)

// connectionLimit raises the process's limit of open files as far as it may and
// returns how many connections that allows: at most want, where want is not 0.
func connectionLimit(want int) (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, os.NewSyscallError("getrlimit", err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return 0, os.NewSyscallError("setrlimit", err)
		}
	}
	files := int(min(limit.Cur, 1<<30))
	room := files - descriptorsReserved - refusedLingerMax
	if room <= 0 {
		return 0, fmt.Errorf("netpoll: a limit of %d open files is too low: %d are needed",
			files, descriptorsReserved+refusedLingerMax+1)
	}
	if want > 0 {
		room = min(room, want)
	}
	return room, nil
}
