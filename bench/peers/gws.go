package main

import (
	"net/http"

	"github.com/lxzan/gws"
)

// gwsServer has one goroutine for each connection; the library's broadcaster writes.
type gwsServer struct {
	gws.BuiltinEventHandler
	upgrader *gws.Upgrader
	rooms    rooms[*gws.Conn]
}

const roomKey = "room"

func newGWS() *gwsServer {
	s := &gwsServer{}
	s.upgrader = gws.NewUpgrader(s, &gws.ServerOption{})
	return s
}

func (s *gwsServer) serve(w http.ResponseWriter, r *http.Request, name string) {
	conn, err := s.upgrader.Upgrade(w, r)
	if err != nil {
		return // the client has its answer
	}
	room := s.rooms.find(name)
	conn.Session().Store(roomKey, room)
	room.join(conn)
	go conn.ReadLoop() // so that the request can be freed
}

// OnMessage tells all in the room.
func (s *gwsServer) OnMessage(conn *gws.Conn, message *gws.Message) {
	defer message.Close()
	if kept, ok := conn.Session().Load(roomKey); ok {
		said := gws.NewBroadcaster(gws.OpcodeText, message.Bytes())
		defer said.Close()
		kept.(*room[*gws.Conn]).each(func(m *gws.Conn) { _ = said.Broadcast(m) })
	}
}

// OnClose takes who has gone out of the room.
func (s *gwsServer) OnClose(conn *gws.Conn, _ error) {
	if kept, ok := conn.Session().Load(roomKey); ok {
		kept.(*room[*gws.Conn]).leave(conn)
	}
}
