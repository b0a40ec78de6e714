package netpoll_test

import (
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/netpoll"
)

// echo sends every message back.
type echo struct{}

func (echo) Upgrade(*netpoll.Request) (any, *netpoll.Refusal) { return nil, nil }
func (echo) Open(*netpoll.Conn)                               {}
func (echo) Close(*netpoll.Conn, netpoll.Closed)              {}
func (echo) Tick(*netpoll.Loop, time.Time)                    {}

func (echo) Message(c *netpoll.Conn, kind netpoll.Kind, payload []byte) {
	if kind == netpoll.Text {
		c.SendText(payload)
	} else {
		c.SendBinary(payload)
	}
}

// A whole echo server.
func Example() {
	server, err := netpoll.Listen(netpoll.Config{Addr: "127.0.0.1:0", Handler: echo{}, Compression: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		<-server.Ready() // ws://…/ with server.Addr() now echoes
		server.Close()
	}()
	fmt.Println(server.Run())
	// Output: <nil>
}
