package netpoll_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/netpoll"
)

// Every refusal is a complete response, after which the connection ends in an
// orderly way, whatever else the client has sent.
func TestConformance_RefusedHandshakes(t *testing.T) {
	server := echoServer(t, netpoll.Config{})
	change := func(old, new string) string { return strings.Replace(upgradeRequest, old, new, 1) + "\r\n" }
	add := func(line string) string { return upgradeRequest + line + "\r\n\r\n" }
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"POST":              {change("GET", "POST"), 405},
		"HTTP/1.0":          {change("HTTP/1.1", "HTTP/1.0"), 400},
		"HTTP/2.0":          {change("HTTP/1.1", "HTTP/2.0"), 505},
		"no Host":           {change("Host: localhost\r\n", ""), 400},
		"two Hosts":         {add("Host: localhost"), 400},
		"no Connection":     {change("Connection: Upgrade\r\n", ""), 400},
		"no Upgrade":        {change("Upgrade: websocket\r\n", ""), 400},
		"version 12":        {change("Version: 13", "Version: 12"), 426},
		"no version":        {change("Sec-WebSocket-Version: 13\r\n", ""), 426},
		"no key":            {change("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400},
		"short key":         {change("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ=="), 400},
		"key not base64":    {change("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j$Q=="), 400},
		"two keys":          {add("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400},
		"Content-Length":    {add("Content-Length: 3"), 400},
		"Transfer-Encoding": {add("Transfer-Encoding: chunked"), 400},
		"obs-fold":          {add("X: a\r\n b"), 400},
		"NUL":               {add("X: a\x00b"), 400},
		"bare LF":           {strings.ReplaceAll(upgradeRequest+"\r\n", "\r\n", "\n"), 400},
		"bare CR":           {add("X: a\rb"), 400},
		"extension":         {add("Sec-WebSocket-Extensions: ;"), 400},
		"too long":          {add("X: " + strings.Repeat("x", 16<<10)), 431},
		"endless":           {"GET /" + strings.Repeat("x", 100<<10), 431},
		"TLS":               {"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", 400},
		"plain HTTP":        {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 426},
	} {
		t.Run(name, func(t *testing.T) {
			for _, rest := range []string{"", strings.Repeat("more of it ", 20_000)} {
				c := rawConn(t, server)
				go func() { _, _ = c.conn.Write([]byte(test.request + rest)) }() // may fail in the middle
				response := c.response()
				body, err := io.ReadAll(response.Body)
				if response.StatusCode != test.status || err != nil || response.ContentLength != int64(len(body)) || len(body) == 0 || response.Header.Get("Date") == "" {
					t.Errorf("%s, %q, %v, %v", response.Status, body, err, response.Header)
				}
				if !response.Close && !strings.HasPrefix(response.Header.Get("Connection"), "close") {
					t.Errorf("not told to close: %v", response.Header)
				}
				if test.status == http.StatusUpgradeRequired && response.Header.Get("Sec-WebSocket-Version") != "13" {
					t.Errorf("426 without the version: %v", response.Header)
				}
				if b, err := c.in.ReadByte(); err != io.EOF && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("%x after the response, %v", b, err)
				}
			}
		})
	}
}

func TestConformance_AcceptedHandshakes(t *testing.T) {
	server := echoServer(t, netpoll.Config{})
	for name, request := range map[string]string{
		"lists in any case": strings.NewReplacer("Upgrade: websocket", "upgrade: h2c, WebSocket", "Connection: Upgrade", "CONNECTION: keep-alive,\tUPGRADE").Replace(upgradeRequest),
		"absolute target":   strings.Replace(upgradeRequest, "GET /", "GET http://localhost/", 1),
		"an empty line":     "\r\n" + upgradeRequest,
		"no body":           upgradeRequest + "Content-Length: 0\r\n",
		"no extension":      upgradeRequest + "Sec-WebSocket-Extensions: \r\nSec-WebSocket-Protocol: \r\n",
		"header at limit":   upgradeRequest + "X: " + strings.Repeat("x", 16<<10-len(upgradeRequest)-len("X: \r\n\r\n")) + "\r\n",
	} {
		for _, piece := range []int{1 << 20, 100} {
			c := rawConn(t, server)
			c.chopped(append([]byte(request+"\r\n"), rawFrame(fin|opText, name)...), piece)
			if r := c.response(); r.StatusCode != http.StatusSwitchingProtocols {
				t.Fatal(name, r.Status)
			}
			if op, payload, _, err := c.next(); err != nil || op != opText || payload != name {
				t.Errorf("%s: %x %q, %v", name, op, payload, err)
			}
		}
	}
}

// A client that drips a request is cut off when its time is over, not before, and
// although it still drips: all of it would take far longer.
func TestDrippingHandshakeIsCutOff(t *testing.T) {
	t.Parallel() // it waits
	const limit = 600 * time.Millisecond
	server := echoServer(t, netpoll.Config{HandshakeTimeout: limit})
	began := time.Now()
	c := rawConn(t, server)
	go func() {
		for _, b := range []byte(upgradeRequest) {
			if _, err := c.conn.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
	}()
	response := c.response()
	if took := time.Since(began); response.StatusCode != http.StatusRequestTimeout || took < limit*9/10 { // a loop reads its clock once a turn
		t.Errorf("%s after %v", response.Status, took)
	}
}

var endings = flag.Int("endings", 480, "how many connections TestNoEndingLeaks makes")

// However a connection ends, everything of it is given back, and a bystander is
// served all the time.
func TestNoEndingLeaks(t *testing.T) {
	server := echoServer(t, netpoll.Config{Compression: true, MessageBytesMax: 64 << 10, OutboxBytesMax: 64 << 10, HandshakeTimeout: time.Second,
		PingInterval: time.Hour, IdleTimeout: 2 * time.Hour}) // the bystander is silent, however many endings there are
	bystander, _ := opened(t, server, "")
	end := func(n int) {
		var clients sync.WaitGroup
		for worker := range 16 {
			clients.Go(func() {
				random := rand.New(rand.NewPCG(uint64(worker), uint64(n)))
				for range n / 16 {
					endOne(t, server, random)
				}
			})
		}
		clients.Wait()
		await.Until(t, "all but the bystander gone", func() bool { return server.Stats().Sockets <= 1 })
	}
	state := func() (heap uint64, files int) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return m.HeapAlloc, len(entries)
	}
	end(160) // pools and tables reach their size
	heap, files := state()
	goroutines := runtime.NumGoroutine()
	end(*endings)
	nowHeap, nowFiles := state()
	if nowFiles > files {
		t.Errorf("%d open files, %d before", nowFiles, files)
	}
	if grown := int64(nowHeap) - int64(heap); grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if now := runtime.NumGoroutine(); now > goroutines+8 { // gnet's pool keeps a few for a while
		t.Errorf("%d goroutines, %d before", now, goroutines)
	}
	_ = bystander.conn.SetDeadline(time.Now().Add(await.Limit))
	bystander.echoed(rawFrame(fin|opText, "still here"), 100, opText, "still here")
}

// endOne makes a connection and ends it in one of many ways. It stays quiet about
// errors: they are what it is after.
func endOne(t *testing.T, server *netpoll.Server, random *rand.Rand) {
	// Many source addresses, so that the ports last.
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+random.IntN(250)))}}
	dialled, err := dialer.Dial("tcp", server.Addr().String())
	if err != nil {
		t.Error(err)
		return
	}
	conn := dialled.(*net.TCPConn)
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(await.Limit))
	request := upgradeRequest + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
	send := func(parts ...[]byte) { _, _ = conn.Write(bytes.Join(parts, nil)) }
	drain := func() { _, _ = io.Copy(io.Discard, conn) }
	reset := func() { _ = conn.SetLinger(0) }
	hello := rawFrame(fin|opText, "hello")
	switch random.IntN(14) {
	case 0: // not a word
	case 1: // half a request
		send([]byte(request[:random.IntN(len(request))]))
	case 2: // refused, reads the answer
		send([]byte("nonsense\r\n\r\n"))
		drain()
	case 3: // refused, does not read it
		send([]byte("nonsense\r\n\r\n"))
		reset()
	case 4: // gone before the answer to the handshake
		send([]byte(request))
		reset()
	case 5: // gone in mid-frame
		send([]byte(request), hello[:1+random.IntN(len(hello)-1)])
	case 6: // half-closed
		send([]byte(request), hello)
		_ = conn.CloseWrite()
		drain()
	case 7: // orderly
		send([]byte(request), hello, rawFrame(fin|opClose, status(1000, "")))
		drain()
	case 8: // orderly, but does not wait
		send([]byte(request), rawFrame(fin|opClose, ""))
	case 9: // protocol violation
		send([]byte(request), hello, []byte{0xFF, 0xFF})
		drain()
	case 10: // in the middle of a fragmented message, compressed
		send([]byte(request), rawFrame(rsv1|opText, strings.Repeat("x", random.IntN(20_000))), rawFrame(fin|opPing, "x"))
		reset()
	case 11: // bomb
		send([]byte(request), rawFrame(fin|rsv1|opText, deflatedOnce()))
		drain()
	case 12: // too big
		send([]byte(request), []byte{fin | opText, 0x80 | 127, 0, 0, 0, 0, 1, 0, 0, 0})
		drain()
	case 13: // asks for much and reads nothing
		for range 20 {
			send([]byte(request), rawFrame(fin|opBinary, strings.Repeat("x", 60<<10)))
			request = ""
		}
		reset()
	}
}

var deflatedOnce = sync.OnceValue(func() string { return deflatedText(strings.Repeat("\x00", 1<<20), 9) })

// Clients that do nothing but connect, as fast as they can, leave the others
// their service.
func TestConnectionStormLeavesTheOthersTheirService(t *testing.T) {
	server := echoServer(t, netpoll.Config{ConnectionsMax: 200})
	bystander, _ := opened(t, server, "")
	stop := make(chan struct{})
	var storm sync.WaitGroup
	for range 4 {
		storm.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if conn, err := net.Dial("tcp", server.Addr().String()); err == nil {
					_ = conn.(*net.TCPConn).SetLinger(0)
					_ = conn.Close()
				}
			}
		})
	}
	for i := range 200 {
		bystander.echoed(rawFrame(fin|opText, fmt.Sprint(i)), 100, opText, fmt.Sprint(i))
	}
	close(stop)
	storm.Wait()
}
