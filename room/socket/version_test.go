package socket_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
)

// text reads a frame as it came.
func (c *client) text() string {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	p, err := wsutil.ReadServerText(c.conn)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(p)
}

// mustRead reads a frame that must be that.
func (c *client) mustRead(want string) {
	c.t.Helper()
	if got := c.text(); got != want {
		c.t.Fatalf("got  %s\nwant %s", got, want)
	}
}

// roomOf is the id of user i's room.
func (s *server) roomOf(i int) string {
	s.t.Helper()
	a, err := s.svc.Access(s.t.Context(), persist.FleetUser(i), persist.FleetTrip(i%trips))
	if err != nil || !a.Allowed {
		s.t.Fatal(a, err)
	}
	return a.Room.ID.String()
}

const memberMay = `["send","edit","delete","react","pin","upload"]`

// TestVersion2HearsWhatIsItsOwn: what follows a history, and what became of each frame that
// has a client_id and does not come back as a message.
func TestVersion2HearsWhatIsItsOwn(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	in, trip := s.roomOf(0), persist.FleetTrip(0).String()
	own := func(read int) string {
		return fmt.Sprintf(`{"type":"own","v":2,"chat_room_id":"%s","role":"member","permissions":%s,"read_seq":%d,"muted_until":null,"reactions":{}}`, in, memberMay, read)
	}
	ack := func(id string) string { return `{"type":"ack","chat_room_id":"` + in + `","client_id":"` + id + `"}` }

	ada, _ := s.join(0, "&v=2")
	ada.mustRead(own(0))
	ada.send(`{"type":"chat_message","content":"hi","client_id":"m1"}`)
	mine := ada.next()
	if mine.Type != "chat_message" || mine.Message.ClientID != "m1" {
		t.Fatalf("%+v", mine)
	}
	ada.send(`{"type":"edit_message","message_id":"` + mine.Message.ID + `","content":"hello","client_id":"e1"}`)
	if f := ada.next(); f.Type != "message_edited" || f.Seq != 2 {
		t.Fatalf("%+v", f)
	}
	ada.mustRead(ack("e1"))
	ada.send(`{"type":"mark_read","seq":2,"client_id":"r\"1"}`)
	ada.mustRead(ack(`r\"1`))
	ada.send(`{"type":"mark_read","seq":1,"client_id":"r2"}`)
	ada.mustRead(ack("r2"))
	for _, silent := range []string{
		`{"type":"mark_read","seq":2}`,
		`{"type":"typing","is_typing":true,"client_id":"t1"}`,
	} {
		ada.send(silent)
	}
	ada.send(`{"type":"ping","client_id":"p1"}`)
	ada.mustRead(`{"type":"pong"}`)
	ada.send(`{"type":"edit_message","message_id":"` + mine.Message.ID + `","content":" ","client_id":"e2"}`)
	ada.mustRead(`{"type":"error","message":"Message content cannot be empty","code":"empty_content","client_id":"e2"}`)
	ada.send(`{"type":"edit_message","message_id":"` + trip + `","content":"x","client_id":"e3"}`)
	ada.mustRead(`{"type":"error","message":"Message not found or you do not have permission to edit it","code":"not_found","client_id":"e3"}`)
	ada.send(`{"type":"chat_message","content":"hi","client_id":"m1"}`)
	if f := ada.next(); !f.Duplicate || f.Message.Content != "hello" {
		t.Fatalf("%+v", f)
	}

	for _, query := range []string{"&v=2", "&v=3", "&v=99999999999999999999", "&v=2&since=1"} {
		again, _ := s.join(0, query)
		again.mustRead(own(2))
	}
	if now := s.handler.Stats().SpeakingNow; now != [...]int64{0, 0, 5} {
		t.Errorf("members by version: %v", now)
	}
}

// TestVersion1HearsNothingNew: no type of frame that it does not know.
func TestVersion1HearsNothingNew(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: 50 * time.Millisecond})
	for _, query := range []string{"", "&v=1", "&v=001"} {
		ada, _ := s.join(0, query)
		ada.send(`{"type":"chat_message","content":"hi"}`)
		mine := ada.next().Message.ID
		ada.send(`{"type":"mark_read","seq":1,"client_id":"r1"}`)
		ada.send(`{"type":"edit_message","message_id":"` + mine + `","content":"hello","client_id":"e1"}`)
		if f := ada.next(); f.Type != "message_edited" {
			t.Fatalf("%+v", f)
		}
		s.exec("UPDATE collaborators SET role = 'mute' WHERE user_id = ?", persist.FleetUser(0).String())
		for f := (frame{}); f.Code != "not_allowed"; {
			ada.send(`{"type":"chat_message","content":"hi"}`)
			if f = ada.next(); f.Type != "chat_message" && f.Type != "error" {
				t.Fatalf("%+v", f)
			}
		}
		s.exec("UPDATE collaborators SET role = 'member' WHERE user_id = ?", persist.FleetUser(0).String())
	}
}

// TestAChangedRoleIsTold: to the connections of version 2, and once.
func TestAChangedRoleIsTold(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: 50 * time.Millisecond})
	in := s.roomOf(0)
	ada, _ := s.join(0, "&v=2")
	ada.text()
	for _, x := range []struct{ role, may string }{
		{"owner", `["send","edit","delete","react","pin","upload","mention_all","moderate"]`},
		{"mute", `["react"]`},
		{"tour \"guide\"", memberMay},
		{"", memberMay},
		{"member", memberMay},
	} {
		s.exec("UPDATE collaborators SET role = ? WHERE user_id = ?", x.role, persist.FleetUser(0).String())
		ada.mustRead(fmt.Sprintf(`{"type":"own","chat_room_id":"%s","role":"%s","permissions":%s}`, in, strings.ReplaceAll(x.role, `"`, `\"`), x.may))
	}
}

// TestOwnComesBetweenTheHistoryAndWhatWasHeldBack.
func TestOwnComesBetweenTheHistoryAndWhatWasHeldBack(t *testing.T) {
	t.Parallel()
	b := &busy{let: make(chan struct{})}
	s := serveOn(t, socket.Config{}, func(s room.Store) room.Store {
		b.Store = s
		return b
	})
	let := sync.OnceFunc(func() { close(b.let) })
	t.Cleanup(let) // also where the test fails
	bob, _ := s.join(3, "")
	ada, err := s.open("/ws/chat/"+persist.FleetTrip(0).String()+"/?v=2&since=0&token="+sign(t, persist.FleetUser(0), time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(10 * time.Second); b.looks.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("nobody reads")
		}
	}
	bob.send(`{"type":"chat_message","content":"meanwhile"}`)
	bob.next()
	let()
	var types []string
	for seq := int64(0); seq < 1; {
		f := ada.next()
		types, seq = append(types, f.Type), max(seq, f.Seq)
		if f.Type == "message_history" && f.Seq == 1 {
			types = append(types, ada.next().Type)
			break
		}
	}
	if got := strings.Join(types, " "); got != "message_history own chat_message" && got != "message_history own" {
		t.Errorf("got %s", got)
	}
}

func TestVersionsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	path := "/ws/chat/" + persist.FleetTrip(0).String() + "/?token=" + sign(t, persist.FleetUser(0), time.Hour)
	for _, v := range []string{"", "0", "00", "-1", "%2B2", "1.5", "2.0", "1e3", "two", "%20", "%202", "2%00", "%D9%A2", "null", "2,3"} {
		_, err := s.open(path+"&v="+v, nil)
		var status ws.StatusError
		if !errors.As(err, &status) || status != 400 {
			t.Errorf("v=%s: %v, want status 400", v, err)
		}
	}
	c, err := s.open(path+"&v=2&v=0", nil) // the first counts, as of other parameters
	if err != nil {
		t.Fatal(err)
	}
	c.next()
	if f := c.next(); f.Type != "own" {
		t.Errorf("%+v", f)
	}
}

// shake sends a handshake with further fields, and returns the answer to it.
func (s *server) shake(path, fields string) (*client, *http.Response) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", path, s.addr, fields); err != nil {
		s.t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &client{s.t, &buffered{conn, in}}, answer
}

// TestSubprotocolsThatAreNoTokensAreRefused: in RFC 6455 each is a token.
func TestSubprotocolsThatAreNoTokensAreRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	path := "/ws/chat/" + persist.FleetTrip(0).String() + "/?token=" + sign(t, persist.FleetUser(0), time.Hour)
	for _, offered := range []string{"caravan, token.a=b", "caravan token.x", `"caravan"`, "caravan;q=1", "caravan, \xff", "a, b/c"} {
		if _, answer := s.shake(path, "Sec-WebSocket-Protocol: "+offered+"\r\n"); answer.StatusCode != 400 {
			t.Errorf("%q: status %d", offered, answer.StatusCode)
		}
	}
}

// TestATokenAsASubprotocol: the server chooses caravan, and never says the token.
func TestATokenAsASubprotocol(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	good, bad := sign(t, persist.FleetUser(0), time.Hour), sign(t, persist.FleetUser(0), -time.Hour)
	for _, x := range []struct {
		name, query, header string
		offered             []string // the values of fields
		chosen              string
		code                ws.StatusCode // 0: let in
	}{
		{"as contracted", "", "", []string{"caravan, token." + good}, "caravan", 0},
		{"the other way round", "", "", []string{"token." + good + ",caravan"}, "caravan", 0},
		{"in two fields", "", "", []string{"caravan", "token." + good}, "caravan", 0},
		{"among others", "", "", []string{"chat, , caravan,superchat", "x,token." + good + ", y"}, "caravan", 0},
		{"of two the first", "", "", []string{"caravan, token." + good + ", token." + bad}, "caravan", 0},
		{"of two the first, which is bad", "", "", []string{"caravan, token." + bad + ", token." + good}, "caravan", 4001},
		{"beside the query, which counts", good, "", []string{"caravan, token." + bad}, "caravan", 0},
		{"beside a bad query, which counts", bad, "", []string{"caravan, token." + good}, "caravan", 4001},
		{"beside the header, which does not count", "", bad, []string{"caravan, token." + good}, "caravan", 0},
		{"beside a good header", "", good, []string{"caravan, token." + bad}, "caravan", 4001},
		{"without a token", "", good, []string{"caravan"}, "caravan", 0},
		{"an empty token is none", "", good, []string{"caravan, token."}, "caravan", 0},
		{"nothing at all", "", "", []string{"caravan"}, "caravan", 4001},
		{"a token alone", "", "", []string{"token." + good}, "", 4001},
		{"a token alone, beside the query", good, "", []string{"token." + good}, "", 0},
		{"in other letters", "", "", []string{"Caravan, token." + good}, "", 4001},
		{"a token in other letters", "", "", []string{"caravan, Token." + good}, "caravan", 4001},
		{"without a prefix", "", "", []string{"caravan, " + good}, "caravan", 4001},
		{"an empty field", good, "", []string{""}, "", 0},
		{"commas", good, "", []string{",, ,"}, "", 0},
	} {
		path := "/ws/chat/" + persist.FleetTrip(0).String() + "/"
		if x.query != "" {
			path += "?token=" + x.query
		}
		var header strings.Builder
		for _, value := range x.offered {
			header.WriteString("Sec-WebSocket-Protocol: " + value + "\r\n")
		}
		if x.header != "" {
			header.WriteString("Authorization: Bearer " + x.header + "\r\n")
		}
		c, answer := s.shake(path, header.String())
		if answer.StatusCode != 101 {
			t.Errorf("%s: status %d", x.name, answer.StatusCode)
			continue
		}
		if got := answer.Header.Values("Sec-WebSocket-Protocol"); strings.Join(got, "|") != x.chosen || fmt.Sprint(answer.Header) != strings.ReplaceAll(fmt.Sprint(answer.Header), good, "") {
			t.Errorf("%s: %q is chosen, want %q; %v", x.name, got, x.chosen, answer.Header)
		}
		if x.code == 0 {
			if f := c.next(); f.Type != "message_history" {
				t.Errorf("%s: %+v", x.name, f)
			}
		} else if code := c.closeCode(); code != x.code {
			t.Errorf("%s: closed with %d, want %d", x.name, code, x.code)
		}
	}
}
