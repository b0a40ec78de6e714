package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/wire"
	"github.com/caravan-chat/caravan/persist"
)

// TestManyRoomsAreResumedAfterAKill has one member write in 200 rooms over one socket, and mark
// what it has read, while the server is killed twice. The member does what docs/protocol.md says.
// In the end it has each message of each room once, the server has no other, and each mark is where
// the member had it.
func TestManyRoomsAreResumedAfterAKill(t *testing.T) {
	onEachStore(t, func(t *testing.T, database string) {
		const rooms, messages, window = 200, 2_000, 64
		if seeded := caravan(t, nil, "seed", "--users", "1", "--trips", fmt.Sprint(rooms), "--database", database); seeded.status != 0 {
			t.Fatalf("seed: %+v", seeded)
		}
		joinAll(t, database)
		start := func() *hostileNode {
			return &hostileNode{serveBy(t, plainProcess(t, nil, "--database", database, "--jwt-secret", hostileSecret, "--rate", "0"))}
		}
		m := &manyRooms{t: t, node: start(), rooms: make(map[string]*oneRoom), pending: make(map[string]string)}
		for i := range rooms {
			r := &oneRoom{trip: persist.FleetTrip(i).String(), messages: make(map[string]int64)}
			m.trips = append(m.trips, r)
		}
		m.connect()
		kills := []int{messages / 3, 2 * messages / 3}
		for sent, settled := 0, 0; settled < messages; settled = sent - len(m.pending) {
			for sent < messages && len(m.pending) < window {
				id := fmt.Sprint("c", sent)
				m.pending[id] = fmt.Sprintf(`{"type":"chat_message","chat_room_id":%q,"content":"%d","client_id":%q}`, m.trips[sent%rooms].trip, sent, id)
				m.order = append(m.order, id)
				m.write(m.pending[id])
				sent++
			}
			if len(kills) > 0 && settled >= kills[0] {
				kills = kills[1:]
				m.node.signal(syscall.SIGKILL)
				<-m.node.eof
				m.node = start()
			}
			m.read()
		}
		if len(kills) > 0 {
			t.Fatal("nothing was killed")
		}
		for m.write(`{"type":"ping"}`); !m.ponged; {
			m.read()
		}
		all := 0
		for id, r := range m.rooms {
			status, body := m.node.call(0, "GET", "/api/v1/chat/rooms/"+id+"/messages/?limit=200", "")
			var page struct {
				Results []struct {
					ID  string `json:"id"`
					Seq int64  `json:"seq"`
				} `json:"results"`
			}
			if err := json.Unmarshal([]byte(body), &page); err != nil || status != 200 {
				t.Fatal(status, body, err)
			}
			for i, is := range page.Results {
				if is.Seq != int64(i+1) || r.messages[is.ID] != is.Seq {
					t.Errorf("room %s: the server has %s with number %d, the member with %d", id, is.ID, is.Seq, r.messages[is.ID])
				}
			}
			if len(page.Results) != len(r.messages) || r.at != int64(len(r.messages)) {
				t.Errorf("room %s: the server has %d messages, the member %d, and stands at %d", id, len(page.Results), len(r.messages), r.at)
			}
			all += len(r.messages)
		}
		await.Until(t, "the marks are where the member had them", m.marksAreStored)
		if all != messages || len(m.rooms) != rooms || m.connects != 3 {
			t.Errorf("%d messages in %d rooms, after %d connects", all, len(m.rooms), m.connects)
		}
	})
}

// joinAll makes the fleet's first user a collaborator of every trip.
func joinAll(t *testing.T, database string) {
	t.Helper()
	const statement = `INSERT INTO collaborators (trip_id, user_id) SELECT t.id, u.id FROM trips t, users u
		WHERE NOT EXISTS (SELECT 1 FROM collaborators c WHERE c.trip_id = t.id AND c.user_id = u.id)`
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		return
	}
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// manyRooms is a member that has all its rooms on one socket.
type manyRooms struct {
	t        *testing.T
	node     *hostileNode
	client   *wire.Client
	connects int
	trips    []*oneRoom
	rooms    map[string]*oneRoom // by the room's id, once it is known
	pending  map[string]string   // frames that are not settled, by their client_id
	order    []string            // of these, the order of their first sending
	ponged   bool
}

type oneRoom struct {
	trip     string
	known    bool // its history has come
	at       int64
	last     string
	messages map[string]int64 // seq by id
	marked   int64            // up to where it has said that it has read
}

// connect opens the socket, and asks for all rooms, each from where the member stands.
func (m *manyRooms) connect() {
	m.t.Helper()
	at, err := wire.ParseEndpoint("ws://" + m.node.listen)
	if err != nil {
		m.t.Fatal(err)
	}
	if m.client, err = wire.Dial(m.t.Context(), at, "/ws/chat/?v=2", wire.Credential{Bearer: m.node.bearer(0)}, [4]byte{1, 2, 3, 4}, 16<<20); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(m.client.Abort)
	time.AfterFunc(await.Limit, m.client.Abort) // rather than wait without end
	m.connects++
	for part := range slices.Chunk(m.trips, 100) {
		var asked []string
		for _, r := range part {
			one := `{"id":"` + r.trip + `"`
			if r.known {
				one += fmt.Sprintf(`,"since":%d`, r.at)
			}
			if r.last != "" {
				one += `,"since_id":"` + r.last + `"`
			}
			asked = append(asked, one+`}`)
		}
		m.write(`{"type":"subscribe","rooms":[` + strings.Join(asked, ",") + `]}`)
	}
	for _, id := range m.order {
		if frame, is := m.pending[id]; is {
			m.write(frame)
		}
	}
}

// write sends a frame; that the connection is gone shows when it is read.
func (m *manyRooms) write(frame string) { _ = m.client.Write([]byte(frame)) }

// chatMessage is what the member needs of M.
type chatMessage struct {
	ID       string `json:"id"`
	RoomID   string `json:"chat_room_id"`
	Seq      int64  `json:"seq"`
	Rev      int64  `json:"rev"`
	ClientID string `json:"client_id"`
}

// read takes one frame, or connects anew.
func (m *manyRooms) read() {
	m.t.Helper()
	text, err := m.client.Read()
	if err != nil {
		if m.connects > 2 { // nobody kills any more
			m.t.Fatalf("%v\n%s", err, m.node.logged())
		}
		m.connect()
		return
	}
	var f struct {
		Type      string          `json:"type"`
		RoomID    string          `json:"chat_room_id"`
		ReadSeq   int64           `json:"read_seq"`
		TripID    string          `json:"trip_id"`
		Since     int64           `json:"since"`
		Seq       int64           `json:"seq"`
		Prev      *int64          `json:"prev"`
		HasMore   bool            `json:"has_more"`
		Duplicate bool            `json:"duplicate"`
		Messages  []chatMessage   `json:"messages"`
		Message   json.RawMessage `json:"message"`
	}
	if err := json.Unmarshal(text, &f); err != nil {
		m.t.Fatalf("%s: %v", text, err)
	}
	switch f.Type {
	case "message_history":
		r := m.rooms[f.RoomID]
		if r == nil {
			r = m.trips[slices.IndexFunc(m.trips, func(r *oneRoom) bool { return r.trip == f.TripID })]
			m.rooms[f.RoomID] = r
		}
		if f.Seq < r.at || f.Since != r.at || f.HasMore {
			m.t.Fatalf("at %d: %s", r.at, text)
		}
		r.at, r.known = f.Seq, true
		for i := range f.Messages {
			m.merge(&f.Messages[i])
		}
	case "chat_message":
		var c chatMessage
		if err := json.Unmarshal(f.Message, &c); err != nil {
			m.t.Fatal(err)
		}
		if !f.Duplicate {
			r, prev := m.rooms[c.RoomID], f.Seq-1
			if f.Prev != nil {
				prev = *f.Prev
			}
			if prev > r.at {
				m.t.Fatalf("a hole: at %d, and then %s", r.at, text)
			}
			r.at = max(r.at, f.Seq)
			if r.at%3 == 0 {
				m.mark(c.RoomID, r.at)
			}
		}
		m.merge(&c)
	case "own": // what the server has lost is said again
		if r := m.rooms[f.RoomID]; f.ReadSeq < r.marked {
			m.mark(f.RoomID, r.marked)
		}
	case "ack":
	case "pong":
		m.ponged = true
	default:
		m.t.Fatalf("%s", text)
	}
}

// mark says that a room is read up to there, and waits for no answer.
func (m *manyRooms) mark(room string, seq int64) {
	m.rooms[room].marked = seq
	m.write(fmt.Sprintf(`{"type":"mark_read","chat_room_id":%q,"seq":%d}`, room, seq))
}

// marksAreStored looks into the list of rooms.
func (m *manyRooms) marksAreStored() bool {
	m.t.Helper()
	for next := "/api/v1/chat/rooms/?limit=200"; next != ""; {
		status, body := m.node.call(0, "GET", next, "")
		var page struct {
			Results []struct {
				ID      string
				ReadSeq int64 `json:"read_seq"`
			}
			Next *string
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != 200 {
			m.t.Fatal(status, body, err)
		}
		for _, is := range page.Results {
			if is.ReadSeq != m.rooms[is.ID].marked {
				return false
			}
		}
		if next = ""; page.Next != nil {
			_, path, _ := strings.Cut(*page.Next, "/api/")
			next = "/api/" + path
		}
	}
	return true
}

func (m *manyRooms) merge(c *chatMessage) {
	r := m.rooms[c.RoomID]
	r.messages[c.ID] = c.Seq
	if c.Rev == r.at {
		r.last = c.ID
	}
	delete(m.pending, c.ClientID)
}
