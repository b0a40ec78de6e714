package stage

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports tried lie below the range that Linux gives to outgoing connections,
// so that nobody takes a stopped server's port before it starts again, and above
// those of the throw-away databases.
const (
	portMin = 21_000
	portMax = 25_000
	portTry = 50
)

// freeAddr returns an address of this machine that nobody listens on.
func freeAddr() (string, error) {
	var err error
	for range portTry {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(portMin+rand.IntN(portMax-portMin)))
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", fmt.Errorf("no free port: %w", err)
}
