package socket_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
)

const offersDeflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n"

// early connects with a token and further header lines, and sends frames with the
// handshake, in one segment where they fit.
func (s *server) early(bearer, header string, frames []byte) *client {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	request := fmt.Sprintf("GET /ws/chat/%s/?token=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
		persist.FleetTrip(0), bearer, header)
	go func() { _, _ = conn.Write(append([]byte(request), frames...)) }() // much of it waits
	in := bufio.NewReader(conn)
	_ = conn.SetReadDeadline(time.Now().Add(await.Limit))
	if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		s.t.Fatalf("handshake: %v, %v", res, err)
	}
	return &client{s.t, &buffered{conn, in}}
}

// clientFrame is a frame of a client.
func clientFrame(op ws.OpCode, fin bool, payload string) []byte {
	return ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(op, fin, []byte(payload))))
}

// compressed is a client's text, compressed.
func compressed(t *testing.T, text string) []byte {
	t.Helper()
	f, err := wsflate.CompressFrame(ws.NewTextFrame([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return ws.MustCompileFrame(ws.MaskFrame(f))
}

// What comes before the token and the rights are judged is not looked at, however broken
// it is and however much: the client hears that it may not come in.
func TestNothingIsLookedAtOfWhoMayNotComeIn(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	bad := clientFrame(ws.OpText, true, "x")
	bad[1] &^= 0x80 // not masked
	broken := ws.NewTextFrame([]byte("no deflate"))
	broken.Header.Rsv = ws.Rsv(true, false, false)
	for name, frames := range map[string][]byte{
		"nothing":         nil,
		"a message":       clientFrame(ws.OpText, true, `{"type":"ping"}`),
		"bombs":           bytes.Repeat(compressed(t, strings.Repeat("x", 160_000)), 2),
		"a larger bomb":   compressed(t, strings.Repeat("x", 10<<20)),
		"no deflate":      ws.MustCompileFrame(ws.MaskFrame(broken)),
		"no UTF-8":        clientFrame(ws.OpText, true, "\xff\xff"),
		"binary":          clientFrame(ws.OpBinary, true, "x"),
		"not masked":      bad,
		"fragments":       append(clientFrame(ws.OpText, false, "x"), bytes.Repeat(clientFrame(ws.OpContinuation, false, "x"), 5_000)...),
		"many messages":   bytes.Repeat(clientFrame(ws.OpText, true, `{"type":"ping"}`), 1_000),
		"many long ones":  bytes.Repeat(clientFrame(ws.OpText, true, strings.Repeat("x", 64<<10)), 32),
		"and then a ping": append(clientFrame(ws.OpText, true, "x"), clientFrame(ws.OpPing, true, "x")...),
	} {
		for _, who := range []struct {
			bearer string
			code   ws.StatusCode
		}{{"nonsense", 4001}, {sign(t, persist.FleetUser(1), time.Hour), 4003}} {
			if code := s.early(who.bearer, offersDeflate, frames).closeCode(); code != who.code {
				t.Errorf("%s: closed with %d, not %d", name, code, who.code)
			}
		}
	}
	if n := s.net.Stats().MessagesIn; n != 0 {
		t.Errorf("%d messages were looked at", n)
	}
}

// slow is a store that answers only when it is let.
type slow struct {
	room.Store
	asked           chan string
	access, latests chan struct{} // closed where it may answer
}

func (s *slow) Access(ctx context.Context, q []room.AccessQuestion) ([]room.Access, error) {
	s.asked <- "rights"
	<-s.access
	return s.Store.Access(ctx, q)
}

func (s *slow) Latest(ctx context.Context, rooms []uuid.UUID, limit room.Limit) ([]room.Page, error) {
	s.asked <- "history"
	<-s.latests
	return s.Store.Latest(ctx, rooms, limit)
}

func serveSlowly(t *testing.T) (*server, *slow) {
	t.Helper()
	store := &slow{asked: make(chan string, 16), access: make(chan struct{}), latests: make(chan struct{})}
	s := serveOn(t, socket.Config{}, func(s room.Store) room.Store { store.Store = s; return store })
	return s, store
}

// Whoever may come in has all answered that they sent before their history, in order
// and behind it, however slow the checks are: the token is good, and the rights or the
// history are not known yet.
func TestWhatIsSentEarlyWaitsForTheHistory(t *testing.T) {
	t.Parallel()
	const messages = 70
	s, store := serveSlowly(t)
	var first, second []byte
	for i := range messages {
		text := fmt.Sprintf(`{"type":"chat_message","content":"m%d"}`, i)
		f := clientFrame(ws.OpText, true, text)
		if i%2 == 1 {
			f = append(clientFrame(ws.OpText, false, text[:10]), clientFrame(ws.OpContinuation, true, text[10:])...)
		}
		if i < messages/2 {
			first = append(first, f...)
		} else {
			second = append(second, f...)
		}
	}
	c := s.early(sign(t, persist.FleetUser(0), time.Hour), "", first)
	if what := await.Value(t, "a question", store.asked); what != "rights" {
		t.Fatal(what)
	}
	if _, err := c.conn.(*buffered).Conn.Write(second); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "all has come", func() bool { return s.net.Stats().BytesIn > uint64(len(first)+len(second)) })
	nothing := func(before string) {
		t.Helper()
		if n := s.net.Stats().MessagesIn; n != 0 {
			t.Errorf("%d messages were looked at before %s", n, before)
		}
	}
	nothing("the rights are known")
	close(store.access)
	if what := await.Value(t, "a question", store.asked); what != "history" {
		t.Fatal(what)
	}
	nothing("the history was read")
	close(store.latests)
	if f := c.next(); f.Type != "message_history" {
		t.Fatalf("the first frame is %+v", f)
	}
	for i := range messages {
		if f := c.next(); f.Seq != int64(i+1) || f.Message.Content != fmt.Sprint("m", i) {
			t.Fatalf("frame %d is %+v", i, f)
		}
	}
	if st := s.net.Stats(); st.Pauses != 0 {
		t.Errorf("%d pauses: Resume has not been enough", st.Pauses)
	}
}

// Whoever changes their mind while they are judged is let go at once: by a close frame,
// and by an end.
func TestACloseBeforeTheHistoryEndsTheSession(t *testing.T) {
	t.Parallel()
	s, store := serveSlowly(t)
	bearer := sign(t, persist.FleetUser(0), time.Hour)
	for _, state := range []string{"rights", "history"} {
		for name, end := range map[string]func(*client){
			"close frame": func(c *client) {
				_, _ = c.conn.(*buffered).Conn.Write(clientFrame(ws.OpClose, true, "\x03\xe8"))
				if code := c.closeCode(); code != 1000 {
					t.Errorf("closed with %d", code)
				}
			},
			"end": func(c *client) {
				_, _ = c.conn.(*buffered).Conn.Write(clientFrame(ws.OpText, true, "x"))
				_ = c.conn.(*buffered).Conn.Close()
			},
		} {
			c := s.early(bearer, "", nil)
			await.Until(t, name, func() bool { return s.net.Stats().Open == 1 })
			if state == "history" {
				await.Until(t, "it has joined", func() bool { return s.svc.Stats().RoomsNow == 1 })
			}
			end(c)
			await.Until(t, "it has ended in "+state+" by a "+name, func() bool { return s.net.Stats().Open == 0 })
		}
		if state == "rights" {
			close(store.access)
		}
	}
	close(store.latests)
}
