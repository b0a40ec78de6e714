package app_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/persist"
)

// change runs a statement of the application's in a database of either kind.
func change(t *testing.T, database, statement string) {
	t.Helper()
	path, embedded := strings.CutPrefix(database, "sqlite:")
	if !embedded {
		if _, err := pgserver.Shared(t).Exec(databaseName(database), statement); err != nil {
			t.Fatal(err)
		}
		return
	}
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(20000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// openUser connects user i for all rooms.
func (s *server) openUser(i int) *member {
	s.t.Helper()
	conn, early, _, err := ws.Dial(s.t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/ws/chat/?v=2&token="+bearer(s.t, i))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if early != nil {
		conn = earlyConn{conn, early}
	}
	return &member{s.t, conn}
}

// subscribe asks for rooms by whatever id, and reads the answers: left, which come first, and
// histories. It returns the contents of the latter.
func (m *member) subscribe(left []string, trips ...int) (contents []string) {
	m.t.Helper()
	var asked []string
	for _, id := range left {
		asked = append(asked, `{"id":"`+id+`"}`)
	}
	for _, j := range trips {
		asked = append(asked, `{"id":"`+persist.FleetTrip(j).String()+`"}`)
	}
	m.send(`{"type":"subscribe","rooms":[` + strings.Join(asked, ",") + `],"client_id":"s"}`)
	for _, id := range left {
		m.isLeft(id)
	}
	for _, j := range trips {
		var f struct {
			Type     string
			TripID   string `json:"trip_id"`
			Messages []message
		}
		if err := json.Unmarshal([]byte(m.text()), &f); err != nil || f.Type != "message_history" || f.TripID != persist.FleetTrip(j).String() {
			m.t.Fatalf("got %+v, %v, want the history of trip %d", f, err, j)
		}
		for i := range f.Messages {
			contents = append(contents, f.Messages[i].Content)
		}
		if f := m.marked(); f.Type != "own" {
			m.t.Fatalf("got %+v", f)
		}
	}
	m.is(`{"type":"ack","client_id":"s"}`)
	return contents
}

func (m *member) is(want string) {
	m.t.Helper()
	if text := m.text(); text != want {
		m.t.Fatalf("got %s, want %s", text, want)
	}
}

// isLeft reads that a room is not the user's, by the id that the client knows it by.
func (m *member) isLeft(id string) {
	m.t.Helper()
	if text := m.text(); !strings.HasPrefix(text, `{"type":"left","chat_room_id":"`+id+`","code":4003,`) {
		m.t.Fatalf("got %s, want that %s is left", text, id)
	}
}

// TestManyRoomsOnOneSocket: subscribed, resumed, lost and got back; the socket outlives all of it, and
// the others of the user hear of it. On each store, and on two nodes with either kind of Redis.
func TestManyRoomsOnOneSocket(t *testing.T) {
	flags := []string{"--recheck-interval", "1s", "--rate", "0"}
	t.Run("one node", func(t *testing.T) {
		eachStore(t, func(t *testing.T, database string) {
			s := start(t, database, flags...)
			manyRoomsOnOneSocket(t, database, s, s)
		})
	})
	eachRedis(t, func(t *testing.T, redis string) {
		database := migrated.Postgres(t, pgserver.Shared(t))
		nodes := nodesOn(t, redis, database, 2, flags...)
		manyRoomsOnOneSocket(t, database, nodes[0], nodes[1])
	})
}

// eachRedis runs a test with one Redis and with a Cluster of it.
func eachRedis(t *testing.T, test func(t *testing.T, redis string)) {
	t.Run("redis", func(t *testing.T) {
		besideOthers(t)
		test(t, redisserver.Start(t).URL())
	})
	t.Run("cluster", func(t *testing.T) {
		besideOthers(t)
		test(t, redisserver.StartCluster(t, 3).URL())
	})
}

// nodesOn starts nodes that hear one another by way of a Redis.
func nodesOn(t *testing.T, redis, database string, n int, flags ...string) (nodes []*server) {
	t.Helper()
	for range n {
		nodes = append(nodes, start(t, database, append([]string{"--redis", redis}, flags...)...))
	}
	for _, node := range nodes {
		await.Until(t, "Redis carries notices", func() bool {
			return strings.Contains(string(node.admin("/metrics").body), "caravan_backplane_healthy 1\n")
		})
	}
	return nodes
}

func manyRoomsOnOneSocket(t *testing.T, database string, one, two *server) {
	ada, zero, first := persist.FleetUser(0).String(), persist.FleetTrip(0).String(), persist.FleetTrip(1).String()
	change(t, database, fmt.Sprintf("INSERT INTO collaborators (trip_id, user_id) VALUES ('%s', '%s')", first, ada))
	laptop, tablet := one.openUser(0), two.openUser(0)
	phone, jonas, mei := two.joinAs2(0, 0), two.joinAs2(2, 0), one.joinAs2(1, 1)
	laptop.subscribe([]string{uuid.NewString(), "garbage"}, 0, 1)
	tablet.subscribe(nil, 0)

	for i, m := range []*member{jonas, laptop} { // the same bytes on both kinds
		m.send(fmt.Sprintf(`{"type":"chat_message","chat_room_id":"%s","content":"%d"}`, zero, i))
		want := jonas.text()
		for _, other := range []*member{laptop, tablet, phone} {
			other.is(want)
		}
	}
	mei.send(`{"type":"chat_message","content":"elsewhere"}`)
	laptop.is(mei.text())
	begun := time.Now()
	laptop.send(`{"type":"mark_read","chat_room_id":"` + zero + `","seq":2,"client_id":"m"}`)
	if f := laptop.marked(); f.Type != "ack" || f.ID != "m" {
		t.Fatalf("%+v", f)
	}
	for _, m := range []*member{tablet, phone} {
		if f := m.marked(); f.Type != "own" || f.ReadSeq != 2 {
			t.Fatalf("%+v", f)
		}
	}
	t.Logf("the user's other devices know after %v", time.Since(begun))

	for what, bad := range map[string]string{
		"another's": bearer(t, 2), "expired": sign(t, persist.FleetUser(0), -time.Minute), "a refresh token": refreshToken(t, 0),
	} {
		laptop.send(`{"type":"auth","token":"` + bad + `","client_id":"a"}`)
		if f := laptop.read(); f.Code != "invalid_token" || f.ClientID != "a" {
			t.Errorf("%s: %+v", what, f)
		}
	}
	laptop.send(`{"type":"auth","token":"` + bearer(t, 0) + `","client_id":"a"}`)
	if text := laptop.text(); !strings.HasPrefix(text, `{"type":"ack","client_id":"a","expires_at":"`) {
		t.Error(text)
	}

	change(t, database, fmt.Sprintf("DELETE FROM collaborators WHERE trip_id = '%s' AND user_id = '%s'", zero, ada))
	var room struct {
		Results []struct{ ID string }
	}
	two.call(bearer(t, 2), "GET", roomsPath, "").into(t, 200, &room)
	for _, m := range []*member{laptop, tablet} {
		m.isLeft(room.Results[0].ID)
	}
	phone.isClosed(4003)
	jonas.send(`{"type":"chat_message","content":"meanwhile"}`)
	jonas.text()
	mei.send(`{"type":"chat_message","content":"goes on"}`)
	laptop.is(mei.text())
	tablet.subscribe([]string{zero})
	change(t, database, fmt.Sprintf("INSERT INTO collaborators (trip_id, user_id) VALUES ('%s', '%s')", zero, ada))
	for _, m := range []*member{laptop, tablet} {
		if got := strings.Join(m.subscribe(nil, 0), " "); got != "0 1 meanwhile" {
			t.Errorf("the history has %q", got)
		}
	}
	laptop.send(`{"type":"unsubscribe","rooms":["` + zero + `"],"client_id":"u"}`)
	laptop.is(`{"type":"ack","client_id":"u"}`)
	jonas.send(`{"type":"chat_message","content":"not for everybody"}`)
	tablet.is(jonas.text())
	laptop.send(`{"type":"ping"}`)
	laptop.is(`{"type":"pong"}`)
}

// refreshToken is good, and not an access token.
func refreshToken(t *testing.T, i int) string {
	t.Helper()
	claims := jwt.MapClaims{"token_type": "refresh", "exp": time.Now().Add(time.Hour).Unix(), "jti": "x", "user_id": persist.FleetUser(i).String()}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
