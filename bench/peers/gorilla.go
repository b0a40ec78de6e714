package main

import (
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

// gorillaServer has two goroutines for each connection, as the library's chat example.
type gorillaServer struct {
	upgrader websocket.Upgrader
	rooms    rooms[*gorillaMember]
}

type gorillaMember struct {
	conn *websocket.Conn
	out  chan *websocket.PreparedMessage
	end  func()
}

func newGorilla() *gorillaServer {
	return &gorillaServer{upgrader: websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}}
}

func (s *gorillaServer) serve(w http.ResponseWriter, r *http.Request, name string) {
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the client has its answer
	}
	gone := make(chan struct{})
	m := &gorillaMember{conn: conn, out: make(chan *websocket.PreparedMessage, outMax), end: sync.OnceFunc(func() {
		close(gone)
		_ = conn.Close()
	})}
	room := s.rooms.find(name)
	room.join(m)
	go m.write(gone)
	defer m.end()
	defer room.leave(m)
	for {
		_, text, err := conn.ReadMessage()
		if err != nil {
			return
		}
		said, err := websocket.NewPreparedMessage(websocket.TextMessage, text)
		if err != nil {
			return
		}
		room.each(func(m *gorillaMember) { m.tell(said) })
	}
}

func (m *gorillaMember) tell(said *websocket.PreparedMessage) {
	select {
	case m.out <- said:
	default:
		m.end() // too slow
	}
}

func (m *gorillaMember) write(gone <-chan struct{}) {
	defer m.end()
	for {
		select {
		case <-gone:
			return
		case said := <-m.out:
			if m.conn.WritePreparedMessage(said) != nil {
				return
			}
		}
	}
}
