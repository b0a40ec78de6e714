package child

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
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
// lie so much above it.
func FreePort(above ...int) (int, error) {
	var err error
	for range portTry {
		port := portMin + rand.IntN(portMax-portMin)
		err = listen(port)
		for _, distance := range above {
			if err == nil {
				err = listen(port + distance)
			}
		}
		if err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port: %w", err)
}

func listen(port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}
