package benchtest

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// Rooms is a server that speaks as much of other protocols as a load harness needs: Socket.IO 5
// on Engine.IO 4, and Centrifugo's protocol version 2 as JSON. It sends a ping after each join. Its
// methods are safe for concurrent use.
type Rooms struct {
	http *httptest.Server

	mu    sync.Mutex
	rooms map[string][]*guest
	pongs int
	deny  bool
}

// guest is one connection.
type guest struct {
	conn net.Conn
	pong string
	room string
}

// NewRooms starts a server on a free port of 127.0.0.1. Where deny is set it lets nobody into a room.
func NewRooms(deny bool) *Rooms {
	s := &Rooms{rooms: map[string][]*guest{}, deny: deny}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /socket.io/", s.serve("3", func(g *guest) {
		g.say(`0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)
	}, s.socketIO))
	mux.HandleFunc("GET /connection/websocket", s.serve("{}", func(*guest) {}, s.centrifugo))
	s.http = httptest.NewServer(mux)
	return s
}

// URL is where the server is, as ws://host:port.
func (s *Rooms) URL() string { return "ws" + strings.TrimPrefix(s.http.URL, "http") }

// Pongs counts the pings that were answered.
func (s *Rooms) Pongs() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pongs
}

// Close ends all connections and the server.
func (s *Rooms) Close() {
	s.mu.Lock()
	for _, guests := range s.rooms {
		for _, g := range guests {
			_ = g.conn.Close()
		}
	}
	s.mu.Unlock()
	s.http.Close()
}

func (s *Rooms) serve(pong string, greet func(*guest), hear func(*guest, []byte)) http.HandlerFunc {
	door := &Server{}
	return func(w http.ResponseWriter, req *http.Request) {
		req.Header.Set("Authorization", "Bearer 00000000-0000-0000-0000-000000000000") // these protocols show none
		conn, r, _ := door.upgrade(w, req)
		if conn == nil {
			return
		}
		defer func() { _ = conn.Close() }() // the session has ended
		g := &guest{conn: conn, pong: pong}
		greet(g)
		serveFrames(r, g.frame, func(p []byte) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if string(p) == pong {
				s.pongs++
				return
			}
			hear(g, p)
		})
	}
}

func (g *guest) frame(op byte, p []byte) { (&session{conn: g.conn}).frame(op, p) }
func (g *guest) say(text string)         { g.frame(0x1, []byte(text)) }

// enter lets a connection into a room, and tells everybody there.
func (s *Rooms) enter(g *guest, room string) {
	g.room = room
	s.rooms[room] = append(s.rooms[room], g)
}

func (s *Rooms) tell(room, text string) {
	for _, g := range s.rooms[room] {
		g.say(text)
	}
}

// socketIO hears one packet.
func (s *Rooms) socketIO(g *guest, p []byte) {
	switch {
	case string(p) == "40" && s.deny:
		g.say(`44{"message":"not authorized"}`)
	case string(p) == "40":
		g.say(`40{"sid":"y"}`)
	default:
		var event []json.RawMessage
		at := bytes.IndexByte(p, '[')
		if at < 0 || json.Unmarshal(p[at:], &event) != nil || len(event) < 2 {
			return
		}
		var name, room string
		if json.Unmarshal(event[0], &name) != nil || json.Unmarshal(event[1], &room) != nil {
			return
		}
		if name == "join" {
			s.enter(g, room)
			g.say("43" + string(p[2:at]) + "[]")
			g.say("2")
			return
		}
		s.tell(room, `42["message",`+string(event[2])+`]`)
	}
}

// centrifugo hears a frame, with a command in each line.
func (s *Rooms) centrifugo(g *guest, p []byte) {
	var replies []string
	for line := range bytes.SplitSeq(p, []byte{'\n'}) {
		var c struct {
			Connect   *struct{} `json:"connect"`
			Subscribe *struct {
				Channel string `json:"channel"`
			} `json:"subscribe"`
			Publish *struct {
				Channel string          `json:"channel"`
				Data    json.RawMessage `json:"data"`
			} `json:"publish"`
		}
		switch {
		case json.Unmarshal(line, &c) != nil:
		case c.Connect != nil:
			replies = append(replies, `{"id":1,"connect":{"client":"x","version":"6","ping":25,"pong":true}}`)
		case c.Subscribe != nil && s.deny:
			replies = append(replies, `{"id":2,"error":{"code":103,"message":"permission denied"}}`)
		case c.Subscribe != nil:
			s.enter(g, c.Subscribe.Channel)
			replies = append(replies, `{"id":2,"subscribe":{}}`, `{}`)
		case c.Publish != nil:
			s.tell(c.Publish.Channel, `{"push":{"channel":"`+c.Publish.Channel+`","pub":{"data":`+string(c.Publish.Data)+`}}}`)
			replies = append(replies, `{"id":3,"publish":{}}`)
		}
	}
	g.say(strings.Join(replies, "\n"))
}
