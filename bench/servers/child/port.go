package child

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// The ports tried lie below the range that Linux gives to outgoing connections,
// so that nobody takes a stopped server's port before it starts again.
const (
	portMin = 10_000
	portMax = 22_000
	portTry = 50

	startTry = 3 // another process may take a port between the look and the start
)

// OnFreePort calls start with a port as FreePort finds it, and with another one where
// that fails.
func OnFreePort(start func(port int) error, above ...int) error {
	for try := 1; ; try++ {
		port, err := FreePort(above...)
		if err != nil {
			return err
		}
		if err = start(port); err == nil || try == startTry {
			return err
		}
	}
}

// FreePort returns a port on 127.0.0.1 that nobody listens on, nor on those that
// lie so much above it. No other process gets one of them from it while this one lives: a
// server that is down would lose its port to another test's.
func FreePort(above ...int) (int, error) {
	var err error
	for range portTry {
		port := portMin + rand.IntN(portMax-portMin)
		if err = takePorts(port, above); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port: %w", err)
}

// taken are the names of ports that this process has, until it ends.
var taken sync.Map

// takePorts takes the port and those so much above it, or none.
func takePorts(port int, above []int) (err error) {
	names := make(map[string]net.Listener, 1+len(above))
	for _, distance := range append([]int{0}, above...) {
		// A name in the kernel's abstract space: it is gone with its process, however that ends.
		name := fmt.Sprintf("@caravan-port-%d", port+distance)
		if names[name] != nil {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("unix", name); err == nil {
			names[name] = l
			err = listen(port + distance)
		}
		if err != nil {
			for _, l := range names {
				_ = l.Close() // it was only a name
			}
			return err
		}
	}
	for name, l := range names {
		taken.Store(name, l)
	}
	return nil
}

// Taken returns how many descriptors the ports of this process take until it ends.
func Taken() (n int) {
	taken.Range(func(any, any) bool { n++; return true })
	return n
}

func listen(port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}
