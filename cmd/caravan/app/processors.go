package app

import (
	"os"
	"runtime"
	"sync"
)

// spareProcessors gives Go's scheduler a processor for each event loop on top of
// those for everything else, once in a process; GOMAXPROCS in the environment
// wins. A loop that waits for its sockets keeps its processor until the scheduler
// takes it back, which may be 10 ms later; with none to spare, lanes and database
// connections stood still for so long.
func spareProcessors(loops int) {
	if os.Getenv("GOMAXPROCS") == "" {
		spared.Do(func() { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + loops) })
	}
}

var spared sync.Once
