package socket_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/socket"
)

func TestMembersSeeEachOthersMessagesInOneOrder(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	ada, past := s.join(0, "")
	if len(past.Messages) != 0 || past.Seq != 0 || past.Since != nil || past.HasMore != nil {
		t.Errorf("history of an empty room: %+v", past)
	}
	bob, _ := s.join(3, "")
	stranger, _ := s.join(1, "")

	ada.send(`{"type":"chat_message","content":"  hello  ","client_id":"a1"}`)
	for _, c := range []*client{ada, bob} {
		f := c.next()
		if f.Type != "chat_message" || f.Seq != 1 || f.Message.Content != "hello" || f.Message.ClientID != "a1" || f.Prev != nil {
			t.Errorf("got %+v", f)
		}
	}
	bob.send(`{"type":"chat_message","content":"hi"}`)
	first := ada.next()
	bob.next()
	ada.send(fmt.Sprintf(`{"type":"chat_message","content":"re","reply_to":%q}`, first.Message.ID))
	if f := bob.next(); f.Message.ReplyTo == nil || f.Message.ReplyTo.Content != "hi" || f.Message.ReplyTo.SenderEmail != "user3@example.com" {
		t.Errorf("a reply: %+v", f)
	}
	ada.next()
	for _, c := range []*client{ada, bob} {
		if f := c.next(); f.Type != "message_edited" || f.Seq != 4 || f.Message.ID != first.Message.ID || f.Message.IsEdited {
			t.Errorf("a message that has an answer: %+v", f)
		}
	}
	bob.send(fmt.Sprintf(`{"type":"edit_message","message_id":%q,"content":"hi!"}`, first.Message.ID))
	for _, c := range []*client{ada, bob} {
		f := c.next()
		if f.Type != "message_edited" || f.Seq != 5 || !f.Message.IsEdited || f.Message.Content != "hi!" || f.Message.Seq != 2 || f.Message.Rev != 5 {
			t.Errorf("an edit: %+v", f)
		}
	}
	_, past = s.join(6, "")
	if len(past.Messages) != 3 || past.Seq != 5 || past.Messages[1].Content != "hi!" {
		t.Errorf("history: %+v", past)
	}
	stranger.send(`{"type":"ping"}`)
	if f := stranger.next(); f.Type != "pong" {
		t.Errorf("another room heard %+v", f)
	}
}

// TestADeletedMessageIsToldAsAChangeToAll: to those who are there as message_edited, once,
// and to newcomers and those who come back in its place.
func TestADeletedMessageIsToldAsAChangeToAll(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	ada.send(`{"type":"chat_message","content":"secret"}`)
	id := ada.next().Message.ID
	bob.next()
	bob.send(`{"type":"delete_message","message_id":"` + id + `","client_id":"x"}`)
	if f := bob.next(); f.Type != "error" || f.Code != "not_found" || f.ClientID != "x" {
		t.Errorf("another's message: %+v", f)
	}
	ada.send(`{"type":"delete_message","message_id":"` + id + `"}`)
	ada.send(`{"type":"edit_message","message_id":"` + id + `","content":"again","client_id":"y"}`)
	ada.send(`{"type":"chat_message","content":"after"}`)
	for _, c := range []*client{ada, bob} {
		f := c.next()
		if f.Type != "message_edited" || f.Seq != 2 || f.Message.ID != id || f.Message.Content != "" || f.Message.DeletedBy != "sender" || f.Message.Rev != 2 || f.Message.IsEdited {
			t.Errorf("told as %+v", f)
		}
		if f = c.next(); c == ada && f.Type == "error" {
			if f.Code != "not_found" || f.ClientID != "y" {
				t.Errorf("an edit of it: %+v", f)
			}
			f = c.next()
		}
		if f.Message.Content != "after" || f.Seq != 3 {
			t.Errorf("then came %+v", f)
		}
	}
	for _, query := range []string{"", "&since=1"} {
		_, f := s.join(6, query)
		if len(f.Messages) != 2 || f.Messages[0].ID != id || f.Messages[0].Content != "" || f.Messages[0].DeletedBy != "sender" {
			t.Errorf("history%s: %+v", query, f)
		}
	}
}

// TestAPinIsToldInEachClientsForm: once, and who pinned first stays. Who asks for what is so
// is answered alone.
func TestAPinIsToldInEachClientsForm(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "&v=2")
	bob.text() // own
	ada.send(`{"type":"chat_message","content":"x"}`)
	m := ada.next().Message
	bob.text()
	set := func(at string) string {
		return `{"type":"message_patch","chat_room_id":"` + s.roomOf(0) + `","message_id":"` + m.ID + `","set":{` + at
	}
	for _, pin := range []struct {
		by   *client
		on   string
		seq  int64
		says string // of the patch
	}{
		{bob, "true", 2, `"pinned_by":"` + persist.FleetUser(3).String() + `"},"rev":2,"seq":2}`},
		{ada, "true", 0, ""},
		{ada, "false", 3, `"pinned_at":null,"pinned_by":null},"rev":3,"seq":3}`},
		{bob, "false", 0, ""},
	} {
		pin.by.send(`{"type":"pin_message","message_id":"` + m.ID + `","on":` + pin.on + `,"client_id":"p"}`)
		if pin.seq > 0 {
			f := ada.next()
			by := ""
			if pin.on == "true" {
				by = persist.FleetUser(3).String()
			}
			if f.Type != "message_edited" || f.Seq != pin.seq || f.Message.Rev != pin.seq || f.Message.PinnedBy != by || f.Message.IsEdited || f.Message.Content != "x" {
				t.Errorf("version 1 hears %+v", f)
			}
			if text := bob.text(); !strings.HasPrefix(text, set(`"pinned_at":`)) || !strings.HasSuffix(text, pin.says) {
				t.Errorf("version 2 hears %s, want %s … %s", text, set(""), pin.says)
			}
		}
		if pin.by == ada && pin.seq == 0 {
			if f := ada.next(); f.Type != "message_edited" || !f.Duplicate || f.Message.PinnedBy != persist.FleetUser(3).String() {
				t.Errorf("who asks again hears %+v", f)
			}
		}
		if pin.by == bob {
			bob.mustRead(`{"type":"ack","chat_room_id":"` + s.roomOf(0) + `","client_id":"p"}`)
		}
	}
	// Nothing else was told.
	ada.send(`{"type":"chat_message","content":"y"}`)
	for _, c := range []*client{ada, bob} {
		if f := c.next(); f.Seq != 4 {
			t.Errorf("then came %+v", f)
		}
	}
}

// TestAMessageSaysWhomItMentions: to everybody, and again to who comes later.
func TestAMessageSaysWhomItMentions(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	s.exec("UPDATE collaborators SET role = 'owner' WHERE user_id = ?", persist.FleetUser(0).String())
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	const extras = `"mentions":["%s"],"mentions_all":true,"data":{"place":[1,{"x":"y"}]}`
	theirs := fmt.Sprintf(extras, persist.FleetUser(3))
	ada.send(`{"type":"chat_message","content":"x","Mentions":["ann"]}`) // keys have a case
	ada.next()
	bob.next()
	ada.send(`{"type":"chat_message","content":"x",` + theirs + `}`)
	for _, c := range []*client{ada, bob} {
		if text := c.text(); !strings.Contains(text, ","+theirs+"}") {
			t.Errorf("told as %s", text)
		}
	}
	if late, err := s.open("/ws/chat/"+persist.FleetTrip(0).String()+"/?token="+sign(t, persist.FleetUser(6), time.Hour), nil); err != nil {
		t.Error(err)
	} else if text := late.text(); !strings.Contains(text, `"data":{"place":[1,{"x":"y"}]}`) {
		t.Errorf("the history is %s", text)
	}
	for frame, code := range map[string]string{
		`"mentions":["` + uuid.NewString() + `"]`:              "invalid_mention",
		`"mentions":["` + persist.FleetUser(1).String() + `"]`: "invalid_mention", // of another trip
		`"mentions":["ann"]`:                                   "invalid_mention",
		`"mentions":"` + persist.FleetUser(3).String() + `"`:   "invalid_field",
		`"data":[1]`:            "invalid_data",
		`"data":{"a":"\ud800"}`: "invalid_data",
		`"data":{"a":"` + strings.Repeat("x", 4096) + `"}`: "invalid_data",
	} {
		ada.send(`{"type":"chat_message","content":"x","client_id":"c",` + frame + `}`)
		if f := ada.next(); f.Type != "error" || f.Code != code || f.ClientID != "c" {
			t.Errorf("%.60s: %+v, want %s", frame, f, code)
		}
	}
	bob.send(`{"type":"chat_message","content":"x","mentions_all":true}`)
	if f := bob.next(); f.Code != "not_allowed" {
		t.Errorf("%+v", f)
	}
	ada.send(`{"type":"chat_message","content":"after"}`)
	if f := ada.next(); f.Seq != 3 {
		t.Errorf("%+v", f)
	}
}

func TestSenderLearnsWhyAFrameIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	bob.send(`{"type":"chat_message","content":"bob's"}`)
	theirs := ada.next().Message.ID
	for _, c := range []struct{ frame, text, code string }{
		{`not json`, "Invalid JSON format", "invalid_json"},
		{`[1]`, "Invalid JSON format", "invalid_json"},
		{`{"type":"dance","client_id":"x"}`, "Unknown message type", "unknown_type"},
		{`{"type":"chat_message","content":" ","client_id":"x"}`, "Message content cannot be empty", "empty_content"},
		{`{"type":"chat_message","content":"` + strings.Repeat("é", 10_001) + `","client_id":"x"}`, "Message is too long (max 10000 characters)", "too_long"},
		{`{"type":"chat_message","content":"a\u0000b","client_id":"x"}`, "", "invalid_content"},
		{`{"type":"chat_message","content":"a","message_type":"system","client_id":"x"}`, "", "invalid_message_type"},
		{`{"type":"chat_message","content":"a","reply_to":"` + uuid.NewString() + `","client_id":"x"}`, "", "invalid_reply"},
		{`{"type":"edit_message","content":"a","client_id":"x"}`, "message_id is required", "missing_message_id"},
		{`{"type":"edit_message","message_id":"` + theirs + `","content":"a","client_id":"x"}`,
			"Message not found or you do not have permission to edit it", "not_found"},
		{`{"type":"edit_message","message_id":"` + uuid.NewString() + `","content":"a","client_id":"x"}`,
			"Message not found or you do not have permission to edit it", "not_found"},
		{`{"type":"delete_message","client_id":"x"}`, "message_id is required", "missing_message_id"},
		{`{"type":"delete_message","message_id":"` + theirs + `","client_id":"x"}`,
			"Message not found or you do not have permission to edit it", "not_found"},
	} {
		ada.send(c.frame)
		f := ada.next()
		if f.Type != "error" || f.Code != c.code || (c.text != "" && f.Text != c.text) || f.Text == "" {
			t.Errorf("%.60s: got %+v", c.frame, f)
		}
		if strings.Contains(c.frame, `"client_id"`) && f.ClientID != "x" {
			t.Errorf("%.60s: the error names client_id %q", c.frame, f.ClientID)
		}
	}
	ada.send(`{"type":"chat_message","content":"still here"}`)
	if f := ada.next(); f.Seq != 2 {
		t.Errorf("refused frames took numbers: %+v", f)
	}
}

func TestDoorRefusesByHTTPBeforeAndByCloseCodeAfterTheUpgrade(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{AllowOrigin: func(origin, host string) bool { return origin == "" || origin == "http://"+host }})
	good := sign(t, persist.FleetUser(0), time.Hour)
	path := "/ws/chat/" + persist.FleetTrip(0).String()
	for _, c := range []struct {
		name, path, origin string
		status             int
	}{
		{"another path", "/ws/other/?token=" + good, "", 404},
		{"no trip and version 1", "/ws/chat/?token=" + good, "", 400},
		{"no trip and version 1", "/ws/chat?v=1&token=" + good, "", 400},
		{"an empty trip", "/ws/chat//?v=2&token=" + good, "", 404},
		{"more path", path + "/more?token=" + good, "", 404},
		{"a foreign page", path + "/?token=" + good, "https://evil.example", 403},
		{"since no number", path + "/?since=abc&token=" + good, "", 400},
		{"since negative", path + "/?since=-1&token=" + good, "", 400},
		{"since empty", path + "/?since=&token=" + good, "", 400},
		{"since_id no id", path + "/?since=5&since_id=x&token=" + good, "", 400},
		{"since_id alone", path + "/?since_id=" + uuid.NewString() + "&token=" + good, "", 400},
		{"since with a sign", path + "/?since=%2B1&token=" + good, "", 400},
	} {
		header := http.Header{}
		if c.origin != "" {
			header.Set("Origin", c.origin)
		}
		_, err := s.open(c.path, header)
		var status ws.StatusError
		if !errors.As(err, &status) || int(status) != c.status {
			t.Errorf("%s: %v, want status %d", c.name, err, c.status)
		}
	}
	for _, c := range []struct {
		name, path, bearer string
		code               ws.StatusCode
	}{
		{"no token", path, "", 4001},
		{"garbage", path + "?token=garbage", "", 4001},
		{"expired", path + "?token=" + sign(t, persist.FleetUser(0), -time.Minute), "", 4001},
		{"unknown user", path + "?token=" + sign(t, uuid.New(), time.Hour), "", 4001},
		{"no UUID and no token", "/ws/chat/42/", "", 4001},
		{"no UUID", "/ws/chat/42/?token=" + good, "", 4003},
		{"unknown trip", "/ws/chat/" + uuid.NewString() + "/?token=" + good, "", 4003},
		{"another's trip", "/ws/chat/" + persist.FleetTrip(1).String() + "/?token=" + good, "", 4003},
		{"another's trip by header", "/ws/chat/" + persist.FleetTrip(1).String() + "/", good, 4003},
	} {
		header := http.Header{}
		if c.bearer != "" {
			header.Set("Authorization", "Bearer "+c.bearer)
		}
		client, err := s.open(c.path, header)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if code := client.closeCode(); code != c.code {
			t.Errorf("%s: closed with %d, want %d", c.name, code, c.code)
		}
	}
	c, err := s.open(path, http.Header{"Authorization": {"bearer " + good}, "Origin": {"http://" + s.addr}})
	if err != nil {
		t.Fatal(err)
	}
	if f := c.next(); f.Type != "message_history" {
		t.Errorf("with a header: %+v", f)
	}
	if err := ws.WriteHeader(c.conn, ws.Header{OpCode: ws.OpBinary, Masked: true, Length: 100_000}); err != nil {
		t.Fatal(err)
	}
	if code := c.closeCode(); code != 1003 {
		t.Errorf("a binary frame: closed with %d", code)
	}
}

func TestTypingReachesOnlyOtherUsers(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	ada, _ := s.join(0, "")
	adasPhone, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	ada.send(`{"type":"typing","is_typing":true}`)
	if f := bob.next(); f.Type != "typing" || f.UserEmail != "user0@example.com" || !f.IsTyping {
		t.Errorf("bob got %+v", f)
	}
	bob.send(`{"type":"chat_message","content":"after"}`)
	for _, c := range []*client{ada, adasPhone} {
		if f := c.next(); f.Type != "chat_message" {
			t.Errorf("ada's own connection got %+v", f)
		}
	}
}

func TestResendIsAnsweredToItsSenderAlone(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	const frame = `{"type":"chat_message","content":"once","client_id":"c1"}`
	ada.send(frame)
	first := ada.next()
	bob.next()
	phone, _ := s.join(0, "")
	for _, c := range []*client{ada, phone} {
		c.send(frame)
		f := c.next()
		if !f.Duplicate || f.Type != "chat_message" || f.Message.ID != first.Message.ID || f.Seq != 1 {
			t.Errorf("a resend got %+v", f)
		}
	}
	bob.send(frame) // the same name by another sender is another message
	if f := bob.next(); f.Duplicate || f.Seq != 2 {
		t.Errorf("bob got %+v", f)
	}
}

func TestFramesSentBeforeTheHistoryAreAnsweredAfterIt(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	path := fmt.Sprintf("/ws/chat/%s/?token=%s", persist.FleetTrip(0), sign(t, persist.FleetUser(0), time.Hour))
	c, err := s.open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		c.send(fmt.Sprintf(`{"type":"chat_message","content":"m%d"}`, i))
	}
	if f := c.next(); f.Type != "message_history" {
		t.Fatalf("the first frame is %+v", f)
	}
	for i := range 20 {
		if f := c.next(); f.Seq != int64(i+1) || f.Message.Content != fmt.Sprint("m", i) {
			t.Errorf("frame %d is %+v", i, f)
		}
	}
}

func TestRateLimitRefusesWhatIsTooMuchAndNothingElse(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{Limits: socket.Limits{Frames: allowance.Rate{PerSecond: 0.001, Burst: 3}}})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	for i := range 5 {
		ada.send(fmt.Sprintf(`{"type":"chat_message","content":"m","client_id":"c%d"}`, i))
	}
	limited := map[string]bool{}
	stored := 0
	for range 5 {
		switch f := ada.next(); {
		case f.Code == "rate_limited":
			limited[f.ClientID] = true
		case f.Type == "chat_message":
			stored++
		}
	}
	if stored != 3 || !limited["c3"] || !limited["c4"] {
		t.Errorf("%d stored, refused %v", stored, limited)
	}
	bob.send(`{"type":"ping"}`)
	for bob.next().Type != "pong" {
	}
}

func TestExpiredTokenEndsTheConnection(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	path := fmt.Sprintf("/ws/chat/%s/?token=%s", persist.FleetTrip(0), sign(t, persist.FleetUser(0), 2*time.Second))
	c, err := s.open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f := c.next(); f.Type != "message_history" {
		t.Fatalf("the first frame is %+v", f)
	}
	if code := c.closeCode(); code != 4001 {
		t.Errorf("closed with %d", code)
	}
}

// TestResumingInALoopSeesTheWholeLog lets a client come and go without pause
// while others write and edit; what it pieces together must be the whole log.
func TestResumingInALoopSeesTheWholeLog(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	const each = 60
	var writers sync.WaitGroup
	for _, user := range []int{0, 3, 6} {
		c, _ := s.join(user, "")
		writers.Go(func() {
			for i := range each {
				c.send(fmt.Sprintf(`{"type":"chat_message","content":"%d/%d","client_id":"%d"}`, user, i, i))
				for {
					f, err := c.read()
					if err != nil {
						t.Error(err)
						return
					}
					if f.Type == "chat_message" && strings.HasPrefix(f.Message.Content, fmt.Sprintf("%d/%d", user, i)) {
						c.send(fmt.Sprintf(`{"type":"edit_message","message_id":%q,"content":"%d/%d edited"}`, f.Message.ID, user, i))
						break
					}
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()

	const events = 3 * each * 2
	known := map[string]message{}
	stand := int64(0)
	keep := func(m message) {
		if old, ok := known[m.ID]; !ok || m.Rev > old.Rev {
			known[m.ID] = m
		}
	}
	deadline := time.Now().Add(60 * time.Second)
	for round := 0; stand < events; round++ {
		if time.Now().After(deadline) {
			t.Fatalf("the reader stands at %d of %d", stand, events)
		}
		c, past := s.join(9, fmt.Sprintf("&since=%d", stand))
		if *past.Since != stand || *past.HasMore {
			t.Fatalf("resumed from %d: %+v", stand, past)
		}
		last := stand
		for _, m := range past.Messages {
			if m.Rev <= last {
				t.Fatalf("resuming from %d gave rev %d after %d", stand, m.Rev, last)
			}
			last = m.Rev
			keep(m)
		}
		if past.Seq != last {
			t.Fatalf("resumed to %d, but the last message is at %d", past.Seq, last)
		}
		stand = past.Seq
		for range round % 5 {
			if stand == events {
				break
			}
			f := c.next()
			if f.Seq != stand+1 || f.Prev != nil {
				t.Fatalf("live event %d after %d", f.Seq, stand)
			}
			stand = f.Seq
			keep(f.Message)
		}
		_ = c.conn.Close()
	}
	<-done
	if len(known) != 3*each {
		t.Errorf("%d messages seen, %d written", len(known), 3*each)
	}
	for _, m := range known {
		if !m.IsEdited {
			t.Errorf("the edit of %q was missed", m.Content)
		}
	}
}
