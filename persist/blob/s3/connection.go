package s3

import (
	"context"
	"net"
	"net/http"
	"time"
)

const (
	dialTimeout = 5 * time.Second
	// stallTimeout is how long nothing may come from the server, and nothing be taken by it.
	// However long a blob takes, it moves.
	stallTimeout = 20 * time.Second
	idleTimeout  = 15 * time.Second // below stallTimeout, which would end idle connections too

	connectionsIdleMax = 64
)

// newTransport returns what the requests go through.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return moving{conn}, nil
		},
		TLSHandshakeTimeout: dialTimeout,
		IdleConnTimeout:     idleTimeout,
		MaxIdleConns:        connectionsIdleMax,
		MaxIdleConnsPerHost: connectionsIdleMax,
		DisableCompression:  true, // a blob comes back as it was sent
		ForceAttemptHTTP2:   false,
	}
}

// moving is a connection that ends when it stalls. What is written gives what is read more
// time: the answer to a long request cannot come before its end.
type moving struct{ net.Conn }

func (c moving) Read(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(stallTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c moving) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(stallTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
