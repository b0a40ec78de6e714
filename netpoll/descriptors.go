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

	// descriptorsSpare are never used for connections, whatever the rest of the
	// process has taken: the kernel gives out the lowest free number, so a socket
	// whose number is among the last ones says that all the others are in use.
	descriptorsSpare = 64
)

// descriptors is what the process's limit of open files allows.
type descriptors struct {
	connectionsMax int
	fdMax          int32 // a connection with this number or a greater one is closed at once
}

// claimDescriptors raises the process's limit of open files as far as it may and
// returns what it allows: at most want connections, where want is not 0.
func claimDescriptors(want int) (descriptors, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return descriptors{}, os.NewSyscallError("getrlimit", err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return descriptors{}, os.NewSyscallError("setrlimit", err)
		}
	}
	files := int(min(limit.Cur, 1<<30))
	room := files - descriptorsReserved - refusedLingerMax
	if room <= 0 {
		return descriptors{}, fmt.Errorf("netpoll: a limit of %d open files is too low: %d are needed",
			files, descriptorsReserved+refusedLingerMax+1)
	}
	if want > 0 {
		room = min(room, want)
	}
	return descriptors{room, int32(files - descriptorsSpare)}, nil
}
