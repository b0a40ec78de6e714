package netpoll_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/caravan-chat/caravan/netpoll"
)

// echo sends every message back.
type echo struct{}

func (echo) Upgrade(*netpoll.Request) (any, *netpoll.Refusal) { return nil, nil }
func (echo) Open(*netpoll.Conn)                               {}
func (echo) Close(*netpoll.Conn, netpoll.Closed)              {}
func (echo) Tick(*netpoll.Loop, time.Time)                    {}
func (echo) Wait(*netpoll.Conn) time.Duration                 { return 0 }

func (echo) Message(c *netpoll.Conn, kind netpoll.Kind, payload []byte) {
	if kind == netpoll.Text {
		c.SendText(payload)
	} else {
		c.SendBinary(payload)
	}
}

// A whole echo server, and a client that dials it.
func Example() {
	server, err := netpoll.Listen(netpoll.Config{Addr: "127.0.0.1:0", Handler: echo{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error)
	go func() { ended <- server.Run() }()
	<-server.Ready()

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, _, _, err := ws.Dial(ctx, "ws://"+server.Addr().String()+"/")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	if err := wsutil.WriteClientText(conn, []byte("Is anybody there?")); err != nil {
		fmt.Println(err)
	}
	answer, err := wsutil.ReadServerText(conn)
	fmt.Printf("%s %v\n", answer, err)

	server.Close()
	fmt.Println(<-ended)
	// Output:
	// Is anybody there? <nil>
	// <nil>
}
