// Command peers runs a small server of rooms on another WebSocket library, to be
// measured beside Caravan: what somebody says in /room/N goes to all who are there, byte
// for byte. It stores nothing and checks no token. Each server is written as its
// library's own examples are.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
)

// outMax is how many messages may wait for a client, before it is closed.
const outMax = 1024

func main() {
	library := flag.String("library", "gorilla", "gorilla or gws")
	listen := flag.String("listen", "127.0.0.1:9001", "host:port to listen on")
	flag.Parse()
	serve, ok := map[string]func(http.ResponseWriter, *http.Request, string){"gorilla": newGorilla().serve, "gws": newGWS().serve}[*library]
	if !ok {
		fmt.Fprintf(os.Stderr, "peers: --library %q is neither gorilla nor gws\n", *library)
		os.Exit(2)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on %v\n", listener.Addr())
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		room, ok := strings.CutPrefix(r.URL.Path, "/room/")
		if !ok {
			http.NotFound(w, r)
			return
		}
		serve(w, r, room)
	})))
}
