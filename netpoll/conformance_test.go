package netpoll_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/netpoll"
)

// The conformance tests talk to a whole server over real sockets, with a client
// that is written for them alone and shares no code with the server: it sends any
// bytes, and takes nothing from the server that the RFCs do not allow. The groups
// are those of the well-known suites: framing, pings, reserved bits, opcodes,
// fragmentation, UTF-8, closing, limits, compression.

// echoServer runs an echo server until the test ends.
func echoServer(t *testing.T, cfg netpoll.Config) *netpoll.Server {
	t.Helper()
	cfg.Addr, cfg.Handler = "127.0.0.1:0", echo{}
	server, err := netpoll.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run() }()
	t.Cleanup(func() {
		server.Close()
		if err := await.Value(t, "Run's return", ended); err != nil {
			t.Error(err)
		}
	})
	await.Done(t, "the loops", server.Ready())
	return server
}

// raw is the client.
type raw struct {
	t        testing.TB
	conn     *net.TCPConn
	in       *bufio.Reader
	deflated bool // permessage-deflate was agreed
}

const upgradeRequest = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

func rawConn(t testing.TB, server *netpoll.Server) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(await.Limit))
	return &raw{t: t, conn: conn.(*net.TCPConn), in: bufio.NewReader(conn)}
}

// opened returns a client with an open WebSocket. offer is what it says in
// Sec-WebSocket-Extensions; empty: nothing.
func opened(t testing.TB, server *netpoll.Server, offer string) (c *raw, answer string) {
	t.Helper()
	c = rawConn(t, server)
	request := upgradeRequest
	if offer != "" {
		request += "Sec-WebSocket-Extensions: " + offer + "\r\n"
	}
	c.write([]byte(request + "\r\n"))
	response := c.response()
	if response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" ||
		!strings.EqualFold(response.Header.Get("Upgrade"), "websocket") || !strings.EqualFold(response.Header.Get("Connection"), "upgrade") {
		t.Fatalf("handshake: %v %v", response.Status, response.Header)
	}
	answer = response.Header.Get("Sec-WebSocket-Extensions")
	c.deflated = answer != ""
	return c, answer
}

func (c *raw) write(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// chopped writes b in pieces of n bytes, each with a segment of its own.
func (c *raw) chopped(b []byte, n int) {
	c.t.Helper()
	for piece := range slices.Chunk(b, n) {
		c.write(piece)
	}
}

func (c *raw) response() *http.Response {
	c.t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatal("no response: ", err)
	}
	return response
}

// Opcodes, and the flags that stand beside them.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
	fin            = 0x80
	rsv1           = 0x40
)

// rawFrame makes a client's frame. first is the whole first byte.
func rawFrame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := [4]byte{byte(len(payload)) | 1, 0x5A, first, 0xC3}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i&3])
	}
	return b
}

// fragments cuts a message into frames with payloads of n bytes.
func fragments(first byte, payload string, n int) (frames []byte) {
	for begin := 0; ; begin += n {
		end := min(begin+n, len(payload))
		if end == len(payload) {
			return append(frames, rawFrame(first|fin, payload[begin:end])...)
		}
		frames = append(frames, rawFrame(first, payload[begin:end])...)
		first = opContinuation
	}
}

func status(code uint16, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, code)) + reason
}

// event is one thing that the server said, in a form to compare.
func event(op byte, payload string) string {
	if op == opClose && len(payload) >= 2 {
		return fmt.Sprintf("close %d", binary.BigEndian.Uint16([]byte(payload)))
	}
	return fmt.Sprintf("%s %q", [...]string{opText: "text", opBinary: "binary", opClose: "close", opPing: "ping", opPong: "pong"}[op], payload)
}

var errServer = errors.New("the server broke the protocol")

// next reads one frame of the server's and checks it as strictly as a client can.
func (c *raw) next() (op byte, payload string, compressed bool, err error) {
	var head [10]byte
	if _, err := io.ReadFull(c.in, head[:2]); err != nil {
		return 0, "", false, err
	}
	op, compressed = head[0]&0xF, head[0]&rsv1 != 0
	n := uint64(head[1])
	switch {
	case head[0]&fin == 0 || head[0]&0x30 != 0 || head[1] >= 0x80:
		return 0, "", false, fmt.Errorf("%w: % x", errServer, head[:2])
	case op != opText && op != opBinary && op != opClose && op != opPing && op != opPong:
		return 0, "", false, fmt.Errorf("%w: opcode %x", errServer, op)
	case compressed && (!c.deflated || op >= opClose):
		return 0, "", false, fmt.Errorf("%w: compressed bit", errServer)
	case n >= 126 && op >= opClose:
		return 0, "", false, fmt.Errorf("%w: long control frame", errServer)
	case n == 126:
		_, err = io.ReadFull(c.in, head[:2])
		if n = uint64(binary.BigEndian.Uint16(head[:])); n < 126 && err == nil {
			err = fmt.Errorf("%w: length", errServer)
		}
	case n == 127:
		_, err = io.ReadFull(c.in, head[:8])
		if n = binary.BigEndian.Uint64(head[:]); n < 1<<16 && err == nil {
			err = fmt.Errorf("%w: length", errServer)
		}
	}
	if err != nil {
		return 0, "", false, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.in, b); err != nil {
		return 0, "", false, err
	}
	if compressed {
		if b, err = inflated(b); err != nil {
			return 0, "", true, err
		}
	}
	return op, string(b), compressed, nil
}

// flushTail is what a sender leaves off, and a last block, which the reader wants.
const flushTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

func inflated(b []byte) ([]byte, error) {
	return io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(b), strings.NewReader(flushTail))))
}

func deflatedText(message string, level int) string {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, level)
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(w, message) // into memory
	_ = w.Flush()
	return strings.TrimSuffix(out.String(), flushTail[:4])
}

// untilEnd reads all that the server says until it closes the TCP connection,
// which it must do in an orderly way after its close frame.
func (c *raw) untilEnd() (events []string) {
	c.t.Helper()
	closed := false
	for {
		op, payload, _, err := c.next()
		switch {
		case err != nil && closed && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
			return events
		case err != nil:
			c.t.Fatalf("after %.200q: %v", events, err)
		case closed:
			c.t.Fatalf("%s after the close frame", event(op, payload))
		}
		events = append(events, event(op, payload))
		closed = closed || op == opClose
	}
}

// conformance is one case: what the client sends, and all that the server says.
type conformance struct {
	name  string
	sends []byte
	hears []string
}

// normally is a case in which the client closes after its frames, and the server
// says the same.
func normally(name string, frames []byte, hears ...string) conformance {
	return conformance{name, append(frames, rawFrame(fin|opClose, status(1000, ""))...), append(hears, "close 1000")}
}

// failing is a case that the server ends, and does not look beyond.
func failing(name string, code int, frames []byte, hears ...string) conformance {
	return conformance{name, append(frames, rawFrame(fin|opText, "never looked at")...), append(hears, fmt.Sprint("close ", code))}
}

func texts(s ...string) (events []string) {
	for _, s := range s {
		events = append(events, event(opText, s))
	}
	return events
}

// conform runs each case with its bytes in one piece and in small ones.
func conform(t *testing.T, server *netpoll.Server, cases []conformance) {
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			for _, piece := range []int{len(test.sends), 1 + len(test.sends)/60} {
				c, _ := opened(t, server, "")
				c.chopped(test.sends, piece)
				if heard := c.untilEnd(); !slices.Equal(heard, test.hears) {
					t.Errorf("in pieces of %d:\nheard %.300q\nnot   %.300q", piece, heard, test.hears)
				}
				_ = c.conn.Close()
			}
		})
	}
}
