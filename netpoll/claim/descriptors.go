package claim

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// RefusedLingerMax is how many sockets above ConnectionsMax get their refusal
	// in the orderly way; those above it are closed at once.
	RefusedLingerMax = 128

	// descriptorsReserved is what the rest of the process may need: databases, log
	// files, duplicates in a hand-over. So the last ones are never used for connections.
	descriptorsReserved = 512

	// descriptorsSpare are never used for connections, whatever the rest of the
	// process has taken: the kernel gives out the lowest free number, so a socket
	// whose number is among the last ones says that all the others are in use.
	descriptorsSpare = 64
)

// Descriptors is what the process's limit of open files allows.
type Descriptors struct {
	ConnectionsMax int
	FDMax          int32 // a connection with this number or a greater one is closed at once
}

// Files raises the process's limit of open files as far as it may, and
// returns what it allows: at most want connections, where want is not 0.
func Files(want int) (Descriptors, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return Descriptors{}, os.NewSyscallError("getrlimit", err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return Descriptors{}, os.NewSyscallError("setrlimit", err)
		}
	}
	files := int(min(limit.Cur, 1<<30))
	room := files - descriptorsReserved - RefusedLingerMax
	if room <= 0 {
		return Descriptors{}, fmt.Errorf("a limit of %d open files is too low: %d are needed",
			files, descriptorsReserved+RefusedLingerMax+1)
	}
	if want > 0 {
		room = min(room, want)
	}
	return Descriptors{room, int32(files - descriptorsSpare)}, nil
}
