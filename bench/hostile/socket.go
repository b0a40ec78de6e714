package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/bench/wire"
)

// maskKey masks every frame: nobody on the way is to be protected from it.
var maskKey = [4]byte{1, 2, 3, 4}

const (
	rsv1             = 0x40             // marks a compressed message (RFC 7692, section 6)
	writeWait        = 2 * time.Second  // for a server that does not read any more
	handshakeWait    = 10 * time.Second // for its answer
	frameBytesMax    = 64 << 20         // of a frame from the server
	receiveBufferLow = 4 << 10          // of a socket that is not read: the kernel keeps little, the server the rest
)

// socket is one connection of an attacker. One goroutine writes, one reads.
type socket struct {
	nc     net.Conn
	tally  *tally
	unread []byte // what came behind the handshake's answer
	stop   func() bool
	once   sync.Once
}

// connect opens a connection that ends with ctx; nil: it was refused.
func (a *attacker) connect(ctx context.Context, node wire.Endpoint) *socket {
	d := net.Dialer{Timeout: handshakeWait}
	nc, err := d.DialContext(ctx, "tcp", node.Address)
	if err != nil {
		if ctx.Err() == nil {
			a.tally.answer("no connection")
		}
		return nil
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(receiveBufferLow) // it makes the attack sharper, and is no condition of it
	}
	s := &socket{nc: nc, tally: a.tally}
	s.stop = context.AfterFunc(ctx, func() { _ = nc.Close() })
	return s
}

// dial opens a WebSocket to the attacker's room; nil: it was refused, and counted.
func (a *attacker) dial(ctx context.Context, node wire.Endpoint, query string) *socket {
	return a.dialAs(ctx, node, query, a.bearer, "")
}

// dialOffering offers an extension besides.
func (a *attacker) dialOffering(ctx context.Context, node wire.Endpoint, query, extension string) *socket {
	return a.dialAs(ctx, node, query, a.bearer, extension)
}

func (a *attacker) dialAs(ctx context.Context, node wire.Endpoint, query, bearer, extension string) *socket {
	s := a.connect(ctx, node)
	if s == nil {
		return nil
	}
	request := wire.AppendUpgrade(nil, node.Host, node.Prefix+"/ws/chat/"+a.trip.String()+"/"+query, wire.Credential{Bearer: bearer})
	if extension != "" {
		request = append(request[:len(request)-2], "Sec-WebSocket-Extensions: "+extension+"\r\n\r\n"...)
	}
	if s.write(request) && s.upgraded() {
		return s
	}
	s.close()
	return nil
}

// upgraded reads the answer to the handshake.
func (s *socket) upgraded() bool {
	_ = s.nc.SetReadDeadline(time.Now().Add(handshakeWait)) // the read fails where this does
	defer func() { _ = s.nc.SetReadDeadline(time.Time{}) }()
	var head []byte
	buf := make([]byte, 4<<10)
	for {
		n, err := s.nc.Read(buf)
		head = append(head, buf[:n]...)
		if _, after, ok := bytes.Cut(head, []byte("\r\n\r\n")); ok {
			status, _, _ := bytes.Cut(bytes.TrimPrefix(head, []byte("HTTP/1.1 ")), []byte(" "))
			s.tally.answer("HTTP " + string(status))
			s.unread = after
			return string(status) == "101"
		}
		if err != nil || len(head) > 64<<10 {
			return false
		}
	}
}

// send sends a frame; false: the server takes no more.
func (s *socket) send(op wire.Op, payload []byte) bool {
	return s.write(wire.AppendFrame(nil, op, maskKey, payload))
}

// sendPacked sends a compressed message.
func (s *socket) sendPacked(payload []byte) bool {
	f := wire.AppendFrame(nil, wire.OpText, maskKey, payload)
	f[0] |= rsv1
	return s.write(f)
}

func (s *socket) write(b []byte) bool {
	if err := s.nc.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return false
	}
	_, err := s.nc.Write(b)
	return err == nil
}

// drain reads until the end, and counts the errors and the close that it is told.
func (s *socket) drain() {
	p := s.unread
	buf := make([]byte, 64<<10)
	for {
		if len(p) > 0 {
			p[0] &^= rsv1 // a compressed message says nothing of interest, but another one follows
		}
		f, n, err := wire.Split(p, frameBytesMax)
		switch {
		case err != nil:
			return
		case n > 0:
			s.tell(f)
			p = p[n:]
			continue
		}
		n, rerr := s.nc.Read(buf)
		p = append(p[:len(p):len(p)], buf[:n]...)
		if rerr != nil {
			return
		}
	}
}

func (s *socket) tell(f wire.Frame) {
	switch f.Op {
	case wire.OpClose:
		s.tally.answer("close " + strconv.Itoa(int(wire.CloseCode(f.Payload))))
	case wire.OpText:
		if !bytes.Contains(f.Payload, []byte(`"type":"error"`)) {
			return
		}
		var refused struct{ Code string }
		if json.Unmarshal(f.Payload, &refused) == nil && refused.Code != "" {
			s.tally.answer(refused.Code)
		}
	}
}

func (s *socket) close() {
	s.once.Do(func() {
		s.stop()
		_ = s.nc.Close() // nothing is left to be flushed
	})
}
