// Package echo is a bare echo server on netpoll, so that a conformance suite or a
// load tool can be pointed at the transport alone. It sends every message back,
// as the kind that it came as.
package echo

import (
	"context"
	"net/netip"
	"time"

	"github.com/caravan-chat/caravan/netpoll"
)

// Config says what Run serves.
type Config struct {
	Listen      string // host:port; port 0: any free one
	MaxFrame    int    // bytes of one incoming message, after inflation
	Compression bool   // accept permessage-deflate where a client offers it

	// Listening, if not nil, is called once, when connections are accepted.
	Listening func(netip.AddrPort)
}

// outboxMessages is how many messages of the greatest size may wait for a client
// that sends without reading, before it is closed.
const outboxMessages = 4

// Run echoes until ctx is done, and returns nil then. Any other end is an error.
func Run(ctx context.Context, cfg Config) error {
	server, err := netpoll.Listen(netpoll.Config{
		Addr:            cfg.Listen,
		Handler:         handler{},
		MessageBytesMax: cfg.MaxFrame,
		OutboxBytesMax:  outboxMessages * max(cfg.MaxFrame, 1<<20),
		Compression:     cfg.Compression,
	})
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		ready := server.Ready()
		for {
			select {
			case <-ready:
				if ready = nil; cfg.Listening != nil {
					cfg.Listening(server.Addr())
				}
			case <-ctx.Done():
				server.Close()
				return
			case <-ended:
				return
			}
		}
	}()
	err = server.Run()
	close(ended)
	<-waited
	return err
}

// handler echoes.
type handler struct{}

func (handler) Upgrade(*netpoll.Request) (any, *netpoll.Refusal) { return nil, nil }

func (handler) Open(*netpoll.Conn) {}

func (handler) Message(c *netpoll.Conn, kind netpoll.Kind, payload []byte) {
	if kind == netpoll.Text {
		c.SendText(payload)
	} else {
		c.SendBinary(payload)
	}
}

func (handler) Close(*netpoll.Conn, netpoll.Closed) {}

func (handler) Tick(*netpoll.Loop, time.Time) {}

func (handler) Wait(*netpoll.Conn) time.Duration { return 0 }
