package socket_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/socket"
)

// admit makes a user a collaborator of further trips.
func (s *server) admit(user int, in ...int) {
	s.t.Helper()
	for _, trip := range in {
		s.exec("INSERT INTO collaborators (trip_id, user_id) VALUES (?, ?)", persist.FleetTrip(trip).String(), persist.FleetUser(user).String())
	}
}

// roomOfTrip is the id of a trip's room.
func (s *server) roomOfTrip(user, trip int) string {
	s.t.Helper()
	a, err := s.svc.Access(s.t.Context(), persist.FleetUser(user), persist.FleetTrip(trip))
	if err != nil || !a.Allowed {
		s.t.Fatal(a, err)
	}
	return a.Room.ID.String()
}

// openUser connects a user without a room.
func (s *server) openUser(user int) *client {
	s.t.Helper()
	c, err := s.open("/ws/chat/?v=2&token="+sign(s.t, persist.FleetUser(user), time.Hour), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// subscribe asks for rooms by their ids, or by what else is given.
func (c *client) subscribe(rooms ...string) {
	c.t.Helper()
	for i, r := range rooms {
		if r == "" || r[0] != '{' {
			rooms[i] = `{"id":"` + r + `"}`
		}
	}
	c.send(`{"type":"subscribe","rooms":[` + strings.Join(rooms, ",") + `]}`)
}

// hear reads a frame, which must be of that type and about that room.
func (c *client) hear(typ, room string) string {
	c.t.Helper()
	text := c.text()
	if !strings.HasPrefix(strings.Replace(text, `"v":2,`, "", 1), `{"type":"`+typ+`","chat_room_id":"`+room+`"`) {
		c.t.Fatalf("got %s, want %s of %s", text, typ, room)
	}
	return text
}

// hearHistory reads the answer to a subscription.
func (c *client) hearHistory(room string) (f frame) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(c.hear("message_history", room)), &f); err != nil {
		c.t.Fatal(err)
	}
	c.hear("own", room)
	return f
}

// hearLeft reads that a room is left.
func (c *client) hearLeft(room string, code int) {
	c.t.Helper()
	if text := c.hear("left", room); !strings.Contains(text, fmt.Sprintf(`,"code":%d,"message":"`, code)) {
		c.t.Fatalf("%s, want the code %d", text, code)
	}
}

// TestAUserSocketHearsItsRooms: each room that is asked for is answered in its turn, by its
// history or by why not; then its events come as they come on a room's socket.
func TestAUserSocketHearsItsRooms(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	s.admit(0, 1)
	zero, one := s.roomOfTrip(0, 0), s.roomOfTrip(0, 1)
	bob, _ := s.join(3, "&v=2")
	bob.text() // own
	cat, _ := s.join(1, "")

	ada := s.openUser(0)
	foreign, garbage, nothing := persist.FleetTrip(2).String(), `no\"room`, uuid.NewString()
	ada.send(`{"type":"subscribe","client_id":"s","rooms":[{"id":"` + persist.FleetTrip(0).String() + `"},{"id":"` + foreign + `"},{"id":"` + garbage +
		`"},{"id":"` + strings.ToUpper(nothing) + `"},{"id":"` + one + `"}]}`)
	ada.hearLeft(foreign, 4003)
	ada.hearLeft(garbage, 4003)
	ada.hearLeft(strings.ToUpper(nothing), 4003)
	ada.hearHistory(zero)
	ada.hearHistory(one)
	ada.mustRead(`{"type":"ack","client_id":"s"}`)

	ada.send(`{"type":"chat_message","chat_room_id":"` + persist.FleetTrip(0).String() + `","content":"by the trip's id","client_id":"a"}`)
	m := messageOf(t, bob.text())
	if text := ada.text(); !strings.Contains(text, m) || !strings.Contains(text, "by the trip's id") {
		t.Errorf("%s", text)
	}
	for _, text := range []string{
		`{"type":"pin_message","chat_room_id":"` + zero + `","message_id":"` + m + `","on":true}`,
		`{"type":"edit_message","chat_room_id":"` + zero + `","message_id":"` + m + `","content":"new"}`,
		`{"type":"delete_message","chat_room_id":"` + zero + `","message_id":"` + m + `"}`,
	} {
		ada.send(text)
		if a, b := ada.text(), bob.text(); a != b || !strings.Contains(a, m) {
			t.Errorf("%s is told as\n%s and\n%s", text, a, b)
		}
	}
	bob.send(`{"type":"typing","is_typing":true}`)
	ada.hear("typing", zero)
	ada.send(`{"type":"typing","chat_room_id":"` + one + `","is_typing":true}`)
	cat.hear("typing", one)
	ada.send(`{"type":"mark_read","chat_room_id":"` + persist.FleetTrip(0).String() + `","seq":1,"client_id":"r"}`)
	ada.mustRead(`{"type":"ack","chat_room_id":"` + zero + `","client_id":"r"}`)
	cat.send(`{"type":"chat_message","content":"in the other one"}`)
	if a, b := ada.text(), cat.text(); a != b {
		t.Errorf("told as\n%s and\n%s", a, b)
	}

	ada.send(`{"type":"unsubscribe","client_id":"u","rooms":["` + one + `","` + foreign + `","x"]}`)
	ada.mustRead(`{"type":"ack","client_id":"u"}`)
	cat.send(`{"type":"chat_message","content":"nobody hears"}`)
	cat.text()
	ada.quiet()
	if st := s.handler.Stats(); st.UserSocketsNow != 1 || st.SubscribedNow != 1 || st.Left[protocol.CloseForbidden] != 3 {
		t.Errorf("counted %+v", st)
	}
}

// TestErrorsOfAUserSocketNameTheRoom where the frame named one.
func TestErrorsOfAUserSocketNameTheRoom(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	zero := s.roomOfTrip(0, 0)
	trip, elsewhere := persist.FleetTrip(0).String(), uuid.NewString()
	ada := s.openUser(0)
	ada.subscribe(zero)
	ada.hearHistory(zero)
	for _, c := range []struct{ frame, in, code string }{
		{`{"type":"chat_message","content":"x"`, "", "invalid_field"},
		{`{"type":"chat_message","content":"x","chat_room_id":5`, "", "invalid_field"},
		{`{"type":"chat_message","content":"x","chat_room_id":"` + elsewhere + `"`, elsewhere, "not_subscribed"},
		{`{"type":"typing","chat_room_id":"x"`, "x", "not_subscribed"},
		{`{"type":"chat_message","content":"","chat_room_id":"` + trip + `"`, zero, "empty_content"},
		{`{"type":"chat_message","content":"","chat_room_id":"` + elsewhere + `"`, elsewhere, "empty_content"},
		{`{"type":"edit_message","content":"x","message_id":"` + elsewhere + `","chat_room_id":"` + trip + `"`, zero, "not_found"},
		{`{"type":"wish","chat_room_id":"` + zero + `"`, zero, "unknown_type"},
		{`{"type":"subscribe","rooms":[` + strings.Repeat(`{"id":"x"},`, 100) + `{"id":"x"}]`, "", "invalid_field"},
		{`{"type":"subscribe","rooms":["x"]`, "", "invalid_field"},
	} {
		ada.send(c.frame + `,"client_id":"c"}`)
		want := `{"type":"error",`
		if c.in != "" {
			want += `"chat_room_id":"` + c.in + `",`
		}
		if text := ada.text(); !strings.HasPrefix(text, want+`"message":`) || !strings.HasSuffix(text, `"code":"`+c.code+`","client_id":"c"}`) {
			t.Errorf("%.80s: %s", c.frame, text)
		}
	}
	ada.send(`{`)
	if f := ada.next(); f.Code != "invalid_json" {
		t.Errorf("%+v", f)
	}
	bob, _ := s.join(3, "&v=2")
	bob.text()
	for _, typ := range []string{"subscribe", "unsubscribe"} {
		bob.send(`{"type":"` + typ + `","rooms":[]}`)
		if f := bob.next(); f.Code != "unknown_type" {
			t.Errorf("%s on a room's socket: %+v", typ, f)
		}
	}
}

// TestSubscriptionsResumeAndAreCut: by since and limit, each room for itself.
func TestSubscriptionsResumeAndAreCut(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	zero := s.roomOfTrip(0, 0)
	bob, _ := s.join(3, "")
	var last string
	for i := range 6 {
		bob.send(fmt.Sprintf(`{"type":"chat_message","content":"%d"}`, i+1))
		last = bob.next().Message.ID
	}
	ada := s.openUser(0)
	for _, c := range []struct {
		with    string
		says    string // the messages
		seq     int64
		hasMore string
	}{
		{``, "123456", 6, "none"},
		{`,"limit":2`, "56", 6, "none"},
		{`,"limit":6`, "123456", 6, "none"},
		{`,"limit":1000000`, "123456", 6, "none"},
		{`,"since":4`, "56", 6, "false"},
		{`,"since":0,"limit":2`, "12", 2, "true"},
		{`,"since":6,"since_id":"` + last + `"`, "", 6, "false"},
		{`,"since":6,"since_id":"` + zero + `"`, "", 0, "true"}, // the database went back
	} {
		ada.subscribe(`{"id":"` + zero + `"` + c.with + `}`)
		f := ada.hearHistory(zero)
		says, more := "", "none"
		for _, m := range f.Messages {
			says += m.Content
		}
		if f.HasMore != nil {
			more = fmt.Sprint(*f.HasMore)
		}
		if says != c.says || f.Seq != c.seq || more != c.hasMore {
			t.Errorf("%s: %q, at %d, more: %s", c.with, says, f.Seq, more)
		}
	}
	// It hears each event once, however often it has subscribed.
	bob.send(`{"type":"chat_message","content":"7"}`)
	if f := ada.next(); f.Seq != 7 || f.Message.Content != "7" {
		t.Errorf("%+v", f)
	}
	ada.quiet()
	if st := s.handler.Stats(); st.SubscribedNow != 1 {
		t.Errorf("%d rooms are subscribed", st.SubscribedNow)
	}
}

// TestWhatIsSentBehindASubscriptionIsAboutItsRooms: a client need not wait.
func TestWhatIsSentBehindASubscriptionIsAboutItsRooms(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	zero := s.roomOfTrip(0, 0)
	ada := s.openUser(0)
	ada.subscribe(zero)
	ada.send(`{"type":"chat_message","chat_room_id":"` + zero + `","content":"early","client_id":"e"}`)
	f := ada.hearHistory(zero)
	if len(f.Messages) == 0 {
		f = ada.next()
		f.Messages = []message{f.Message}
	}
	if f.Seq != 1 || f.Messages[0].ClientID != "e" {
		t.Errorf("%+v", f)
	}
}

// TestALostRoomLeavesTheOthers: the socket stays, and a new membership counts at once.
func TestALostRoomLeavesTheOthers(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: 100 * time.Millisecond})
	s.admit(0, 1)
	zero, one := s.roomOfTrip(0, 0), s.roomOfTrip(0, 1)
	ada := s.openUser(0)
	ada.subscribe(zero, one)
	ada.hearHistory(zero)
	ada.hearHistory(one)
	s.exec("DELETE FROM collaborators WHERE user_id = ? AND trip_id = ?", persist.FleetUser(0).String(), persist.FleetTrip(0).String())
	ada.hearLeft(zero, 4003)
	ada.send(`{"type":"chat_message","chat_room_id":"` + zero + `","content":"x"}`)
	ada.hear("error", zero)
	ada.send(`{"type":"chat_message","chat_room_id":"` + one + `","content":"still here"}`)
	if f := ada.next(); f.Message.Content != "still here" {
		t.Errorf("%+v", f)
	}
	s.admit(0, 0)
	ada.subscribe(zero)
	ada.hearHistory(zero)
	s.exec("UPDATE collaborators SET role = 'mute' WHERE user_id = ? AND trip_id = ?", persist.FleetUser(0).String(), persist.FleetTrip(0).String())
	if text := ada.hear("own", zero); !strings.Contains(text, `"role":"mute"`) {
		t.Errorf("%s", text)
	}
	s.exec("DELETE FROM users WHERE id = ?", persist.FleetUser(0).String())
	if code := ada.closeCode(); code != 4001 {
		t.Errorf("closed with %d", code)
	}
}

// TestARoomThatGoesBackLeavesTheOthers: its client is told to forget it and to subscribe anew.
func TestARoomThatGoesBackLeavesTheOthers(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	s.admit(0, 1)
	zero, one := s.roomOfTrip(0, 0), s.roomOfTrip(0, 1)
	ada := s.openUser(0)
	ada.subscribe(zero, one)
	ada.hearHistory(zero)
	ada.hearHistory(one)
	say := func(room, content string) {
		ada.send(`{"type":"chat_message","chat_room_id":"` + room + `","content":"` + content + `"}`)
	}
	for i := range 3 {
		say(zero, fmt.Sprint(i+1))
		ada.next()
	}
	s.exec("DELETE FROM chat_messages WHERE seq > 1")
	s.exec("UPDATE chat_rooms SET last_seq = 1 WHERE last_seq = 3")
	say(zero, "another 2")
	if text := ada.hear("message_history", zero); !strings.Contains(text, `"since":0,"messages":[],"seq":0,"has_more":true}`) {
		t.Errorf("%s", text)
	}
	ada.hearLeft(zero, 1012)
	say(one, "goes on")
	if f := ada.next(); f.Message.Content != "goes on" {
		t.Errorf("%+v", f)
	}
	ada.subscribe(zero)
	if f := ada.hearHistory(zero); len(f.Messages) != 2 || f.Messages[1].Content != "another 2" {
		t.Errorf("%+v", f)
	}
	say(zero, "3 again")
	if f := ada.next(); f.Seq != 3 {
		t.Errorf("%+v", f)
	}
}

// counting is a store that counts what it is asked of rights.
type counting struct {
	room.Store
	looks, questions atomic.Int64
}

func (c *counting) Access(ctx context.Context, q []room.AccessQuestion) ([]room.Access, error) {
	c.looks.Add(1)
	c.questions.Add(int64(len(q)))
	return c.Store.Access(ctx, q)
}

// TestAConnectionHasSoManyRooms: those of a frame are asked for in one look; more than a
// connection may have are refused, all of the frame.
func TestAConnectionHasSoManyRooms(t *testing.T) {
	t.Parallel()
	c := new(counting)
	s := serveOn(t, socket.Config{Limits: socket.Limits{RoomsPerConnection: 102}, RecheckEvery: time.Hour}, func(s room.Store) room.Store {
		c.Store = s
		return c
	})
	s.admit(0, 1, 2)
	ids := []string{s.roomOfTrip(0, 0), s.roomOfTrip(0, 1)}
	for range 98 {
		ids = append(ids, uuid.NewString())
	}
	ada := s.openUser(0)
	ada.quiet()
	looks, questions := c.looks.Load(), c.questions.Load()
	ada.subscribe(append([]string(nil), ids...)...)
	for _, id := range ids[2:] {
		ada.hearLeft(id, 4003)
	}
	ada.hearHistory(ids[0])
	ada.hearHistory(ids[1])
	if n, q := c.looks.Load()-looks, c.questions.Load()-questions; n != 1 || q != 100 {
		t.Errorf("%d looks for %d rooms", n, q)
	}
	ids[0], ids[1] = uuid.NewString(), uuid.NewString()
	two := s.roomOfTrip(0, 2)
	ada.subscribe(append([]string{two}, ids[1:]...)...) // with the two that it has, 102
	for _, id := range ids[1:] {
		ada.hearLeft(id, 4003)
	}
	ada.hearHistory(two)
	ada.subscribe(append([]string(nil), ids...)...) // 103
	if f := ada.next(); f.Code != "too_many_rooms" {
		t.Errorf("%+v", f)
	}
	ada.subscribe(two, two, persist.FleetTrip(2).String()) // which it has
	for range 3 {
		ada.hearHistory(two)
	}
	ada.quiet()
}

// fill has a user write so many messages of so many bytes in a trip's room.
func (s *server) fill(user, trip, messages, bytes int) (in string) {
	s.t.Helper()
	a, err := s.svc.Access(s.t.Context(), persist.FleetUser(user), persist.FleetTrip(trip))
	if err != nil || !a.Allowed {
		s.t.Fatal(a, err)
	}
	var stored sync.WaitGroup
	for i := range messages {
		stored.Add(1)
		s.svc.Submit(&room.Op{
			Intent: protocol.Intent{Kind: protocol.KindMessage, Type: protocol.TypeText, Content: fmt.Sprint(i, strings.Repeat("x", bytes))},
			Room:   a.Room.ID, Trip: a.Room.TripID, Sender: a.User, May: a.May, Answer: func(op *room.Op) {
				if op.Err != nil {
					s.t.Error(op.Err)
				}
				stored.Done()
			},
		})
	}
	stored.Wait()
	return a.Room.ID.String()
}

// TestWhoReadsSlowlyGetsOneHistoryAfterAnother, and is not closed for it; who never reads
// holds no more than the outbox's half and one history of all rooms that it may have, until
// events are too many.
func TestWhoReadsSlowlyGetsOneHistoryAfterAnother(t *testing.T) {
	t.Parallel()
	const rooms, large, messages, bytes = 200, 30, 50, 4_600
	s := serve(t, socket.Config{})
	if err := s.store.Seed(t.Context(), persist.Fleet(users, rooms)); err != nil {
		t.Fatal(err)
	}
	s.exec("DELETE FROM collaborators")
	s.exec("INSERT INTO collaborators (trip_id, user_id) SELECT t.id, u.id FROM trips t, users u WHERE u.id IN (?, ?)", persist.FleetUser(0).String(), persist.FleetUser(1).String())
	var ids []string
	for trip := range rooms {
		if trip < large {
			ids = append(ids, s.fill(0, trip, messages, bytes))
		} else {
			ids = append(ids, s.roomOfTrip(0, trip))
		}
	}
	slow, never := s.openUser(0), s.openUser(1)
	for _, c := range []*client{slow, never} { // the kernel does not take all of it
		if err := c.conn.(*net.TCPConn).SetReadBuffer(32 << 10); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []*client{slow, never} {
		c.subscribe(append([]string(nil), ids[:100]...)...)
		c.subscribe(append([]string(nil), ids[100:]...)...)
	}
	await.Until(t, "both wait for their clients", func() bool { return s.net.Stats().Stalled == 2 })
	if n, most := s.net.Stats().OutboxBytes, 2*(512<<10+256<<10+64<<10); n > most {
		t.Errorf("%d bytes wait for two clients", n)
	}
	for i, id := range ids {
		if f := slow.hearHistory(id); i < large && len(f.Messages) != messages {
			t.Errorf("%d messages", len(f.Messages))
		}
	}
	// The events of a room are more than the one who does not read may have waiting.
	bob := s.openUser(0)
	bob.subscribe(ids[0])
	bob.hearHistory(ids[0])
	for s.net.Stats().Closes[4008] == 0 {
		s.fill(0, 0, 10, 9_000)
		for range 10 {
			if f := bob.next(); f.Type != "chat_message" {
				t.Fatalf("%+v", f)
			}
			slow.next()
		}
	}
	slow.quiet()
	bob.quiet()
}

// TestHistoriesOfAUserSocketAreCharged: each room that is asked for is a read, and what is
// read counts in bytes: who is over the one is refused, over the other waits.
func TestHistoriesOfAUserSocketAreCharged(t *testing.T) {
	t.Parallel()
	var rates allowance.Rates
	rates[allowance.Reads] = allowance.Rate{PerSecond: 0.001, Burst: 4}
	s := serve(t, socket.Config{Allowances: allowance.New(rates)})
	zero := s.roomOfTrip(0, 0)
	ada := s.openUser(0) // 1
	ada.subscribe(zero)
	ada.hearHistory(zero)
	ada.subscribe(zero, uuid.NewString(), uuid.NewString()) // 5
	ada.text()
	ada.text()
	ada.hearHistory(zero)
	ada.subscribe(zero)
	if f := ada.next(); f.Code != "rate_limited" {
		t.Errorf("%+v", f)
	}
	ada.quiet()

	rates[allowance.Reads], rates[allowance.ReadBytes] = allowance.Rate{}, allowance.Rate{PerSecond: 4_000, Burst: 4_000}
	s = serve(t, socket.Config{Allowances: allowance.New(rates)})
	zero = s.fill(0, 0, 3, 2_000)
	ada = s.openUser(0)
	begun := time.Now()
	ada.subscribe(zero, zero, zero) // 18,000 bytes, of which 8,000 must be made good
	for range 3 {
		ada.hearHistory(zero)
	}
	if took := time.Since(begun); took < time.Second {
		t.Errorf("three histories came within %v", took)
	}
}

// TestAUserSocketNeedsVersion2, and else the same as another one.
func TestAUserSocketNeedsVersion2(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{AllowOrigin: func(origin, _ string) bool { return origin == "" }, Limits: socket.Limits{PerUser: 1}})
	good := sign(t, persist.FleetUser(0), time.Hour)
	for path, status := range map[string]int{
		"/ws/chat/?token=" + good:      400,
		"/ws/chat?v=1&token=" + good:   400,
		"/ws/chat/?v=x&token=" + good:  400,
		"/ws/chat//?v=2&token=" + good: 404,
	} {
		if _, answer := s.shake(path, ""); answer.StatusCode != status {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
	if _, answer := s.shake("/ws/chat/?v=2&token="+good, "Origin: http://elsewhere.example\r\n"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("another origin: %d", answer.StatusCode)
	}
	for token, code := range map[string]int{"x": 4001, sign(t, uuid.New(), time.Hour): 4001} {
		c, err := s.open("/ws/chat/?v=2&token="+token, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.closeCode(); int(got) != code {
			t.Errorf("closed with %d", got)
		}
	}
	for _, path := range []string{"/ws/chat?v=3&token=", "/ws/chat/?v=2&token="} { // the second is one too many
		c, err := s.open(path+good, nil)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(path, "v=3") {
			c.quiet()
		} else if code := c.closeCode(); code != 1013 {
			t.Errorf("closed with %d", code)
		}
	}
}
