package app_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// ofChanges are messages that changes are refused of.
type ofChanges struct {
	there, theirs, gone string // of user 0, of user 2, and a tombstone of user 0
	elsewhere           string // of user 1, in trip 1
	mine, full          string // user 0 has chosen as many emoji for it as may be; it has as many as may be
	unpinned            string // in a room with as many pins as may be
}

// forChanges makes those messages. Users 0 and 2 are members of trip 0, user 1 may do nothing there.
func (s *server) forChanges() (m ofChanges) {
	s.t.Helper()
	s.seedRoles("member", "reader", "member")
	trip := persist.FleetTrip(0).String()
	m.there, m.theirs, m.gone = s.post(0, trip, "there").ID, s.post(2, trip, "theirs").ID, s.post(0, trip, "gone").ID
	s.call(bearer(s.t, 0), "DELETE", messagesPath+m.gone+"/", "").into(s.t, 200, new(message))
	m.elsewhere = s.post(1, persist.FleetTrip(1).String(), "elsewhere").ID
	m.mine, m.full, m.unpinned = s.post(0, trip, "mine").ID, s.post(0, trip, "full").ID, s.post(0, trip, "unpinned").ID
	for i := range protocol.OwnEmojiMax {
		s.call(bearer(s.t, 0), "PUT", fmt.Sprintf("%s%s/reactions/a%d/", messagesPath, m.mine, i), "").into(s.t, 200, new(any))
		s.call(bearer(s.t, 2), "PUT", fmt.Sprintf("%s%s/reactions/a%d/", messagesPath, m.full, i), "").into(s.t, 200, new(any))
		s.call(bearer(s.t, 4), "PUT", fmt.Sprintf("%s%s/reactions/b%d/", messagesPath, m.full, i), "").into(s.t, 200, new(any))
	}
	for i := range protocol.PinsMax {
		s.call(bearer(s.t, 0), "PUT", messagesPath+s.post(0, trip, fmt.Sprint("pinned ", i)).ID+"/pin/", "").into(s.t, 200, new(message))
	}
	for id, emoji := range map[string]int{m.mine: protocol.OwnEmojiMax, m.full: protocol.EmojiMax} {
		await.Until(s.t, "the reactions are told", func() bool {
			return strings.Count(string(s.call(bearer(s.t, 0), "GET", messagesPath+id, "").body), `"emoji"`) == emoji
		})
	}
	return m
}

// refusedFrame is a frame, without its client_id, and the code that it is refused with.
type refusedFrame struct{ frame, code string }

// badFrames are those of user 0.
func (m *ofChanges) badFrames() (all []refusedFrame) {
	about := func(id string) string { return `"message_id":"` + id + `"` }
	stranger := uuid.NewString()
	for _, c := range []struct{ frame, code string }{
		{`"type":"delete_message"`, "missing_message_id"},
		{`"type":"delete_message","message_id":"7"`, "not_found"},
		{`"type":"delete_message",` + about(m.theirs), "not_found"},
		{`"type":"pin_message",` + about(m.there), "invalid_field"},
		{`"type":"pin_message",` + about(m.there) + `,"on":"yes"`, "invalid_field"},
		{`"type":"pin_message",` + about(m.unpinned) + `,"on":true`, "too_many_pins"},
		{`"type":"react",` + about(m.there) + `,"emoji":"👍"`, "invalid_field"},
		{`"type":"react",` + about(m.there) + `,"emoji":7,"on":true`, "invalid_field"},
		{`"type":"react",` + about(m.there) + `,"on":true`, "invalid_emoji"},
		{`"type":"react",` + about(m.mine) + `,"emoji":"one more","on":true`, "invalid_emoji"},
		{`"type":"react",` + about(m.mine) + `,"emoji":"👍","on":true`, "too_many_reactions"},
		{`"type":"react",` + about(m.full) + `,"emoji":"👍","on":true`, "too_many_reactions"},
		{`"type":"edit_message",` + about(m.theirs) + `,"content":"x"`, "not_found"},
		{`"type":"edit_message",` + about(m.there) + `,"content":"` + strings.Repeat("x", 10_001) + `"`, "too_long"},
		{`"type":"chat_message","content":"x","mentions_all":true`, "not_allowed"},
		{`"type":"chat_message","content":"x","mentions":"` + stranger + `"`, "invalid_field"},
		{`"type":"chat_message","content":"x","mentions":["` + stranger + `"]`, "invalid_mention"},
		{`"type":"chat_message","content":"x","mentions":["` + persist.FleetUser(3).String() + `"]`, "invalid_mention"},
		{`"type":"chat_message","content":"x","mentions":[` + strings.Repeat(`"`+persist.FleetUser(0).String()+`",`, 3) + `"ann"]`, "invalid_mention"},
		{`"type":"chat_message","content":"x","mentions":[` + many(protocol.MentionsMax+1) + `]`, "invalid_mention"},
		{`"type":"chat_message","content":"x","data":[]`, "invalid_data"},
		{`"type":"chat_message","content":"x","data":{"a":"\u0000"}`, "invalid_data"},
		{`"type":"chat_message","content":"x","data":{"a":"\ud800"}`, "invalid_data"},
		{`"type":"chat_message","content":"x","data":{"a":"` + strings.Repeat("x", protocol.DataBytesMax) + `"}`, "invalid_data"},
		{`"type":"chat_message","content":"x","data":` + strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), "invalid_data"},
		{`"type":"chat_message","content":"x","reply_to":"` + m.gone + `"`, "invalid_reply"},
		{`"type":"chat_message","content":"x","reply_to":"` + m.elsewhere + `"`, "invalid_reply"},
		{`"type":"chat_message","content":"x","message_type":"system"`, "invalid_message_type"},
		{`"type":"chat_message","content":"a\u0000"`, "invalid_content"},
		{`"type":"mark_read"`, "invalid_seq"},
		{`"type":"mark_read","seq":-1`, "invalid_seq"},
		{`"type":"mark_read","seq":1.5`, "invalid_seq"},
		{`"type":"mark_read","seq":"1"`, "invalid_field"},
		{`"type":"message_patch"`, "unknown_type"},
	} {
		all = append(all, refusedFrame{c.frame, c.code})
	}
	for _, emoji := range []string{"", `\ufe0f`, " 👍", `a\u00a0b`, `\u2028`, `a\u0000`, `\u001f`, `\u007f`, strings.Repeat("a", protocol.EmojiBytesMax+1), strings.Repeat("👍", 17)} {
		all = append(all, refusedFrame{`"type":"react",` + about(m.there) + `,"emoji":"` + emoji + `","on":true`, "invalid_emoji"})
	}
	for _, id := range []string{m.gone, m.elsewhere, uuid.NewString(), uuid.Nil.String()} { // a tombstone, of another room, none
		for _, frame := range []string{`"type":"pin_message","on":true`, `"type":"pin_message","on":false`, `"type":"react","emoji":"👍","on":true`, `"type":"react","emoji":"👍","on":false`, `"type":"edit_message","content":"x"`} {
			all = append(all, refusedFrame{frame + "," + about(id), "not_found"})
		}
		if id != m.gone {
			all = append(all, refusedFrame{`"type":"delete_message",` + about(id), "not_found"})
		}
	}
	return all
}

// many are the ids of so many users, as JSON.
func many(n int) string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = `"` + persist.FleetUser(i).String() + `"`
	}
	return strings.Join(ids, ",")
}

// among sends a frame between two good ones, in one piece, and returns the code that it is refused
// with. The good ones are told, with the two numbers after the room's.
func (m *member) among(frame string, seq int64) (code string) {
	m.t.Helper()
	var sent bytes.Buffer
	for _, text := range []string{`"type":"chat_message","content":"before","client_id":"` + uuid.NewString() + `"`, frame + `,"client_id":"bad"`, `"type":"chat_message","content":"after"`} {
		if err := ws.WriteFrame(&sent, ws.MaskFrame(ws.NewTextFrame([]byte("{"+text+"}")))); err != nil {
			m.t.Fatal(err)
		}
	}
	if _, err := m.conn.Write(sent.Bytes()); err != nil {
		m.t.Fatal(err)
	}
	told := 0
	for told < 2 || code == "" {
		switch f := m.read(); {
		case f.Type == "error" && f.ClientID == "bad" && f.Text != "" && code == "":
			code = f.Code
		case f.Type == "chat_message" && f.Seq == seq+int64(told)+1:
			told++
		default:
			m.t.Fatalf("%.200s: got %+v after number %d", frame, f, seq)
		}
	}
	return code
}

// TestWhatIsBadIsRefusedAlone: by frames of both versions, between good ones, which are told with
// the next numbers.
func TestWhatIsBadIsRefusedAlone(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database, "--roles", "reader=none", "--rate", "0")
		m := s.forChanges()
		one, past := s.join(0, 0)
		seq := past.Seq
		for i, c := range m.badFrames() {
			by := one
			if i%2 == 1 {
				by = s.joinAs2(0, 0)
			}
			if code := by.among(c.frame, seq); code != c.code {
				t.Errorf("%.200s: refused with %q, want %q", c.frame, code, c.code)
			}
			if seq += 2; by != one {
				one.read()
				one.read()
				_ = by.conn.Close()
			}
		}
		// Who may do nothing is refused everything, also where there is nothing to do it with.
		reader := s.joinAs2(1, 0)
		for _, frame := range []string{
			`"type":"chat_message","content":"x"`, `"type":"chat_message","content":"x","mentions_all":true`, `"type":"edit_message","content":"x"`,
			`"type":"react","emoji":"👍","on":true`, `"type":"react","emoji":"👍","on":false`, `"type":"pin_message","on":true`, `"type":"pin_message","on":false`,
		} {
			for _, id := range []string{m.there, uuid.NewString()} {
				reader.send(`{` + frame + `,"message_id":"` + id + `","client_id":"r"}`)
				if f := reader.read(); f.Type != "error" || f.Code != "not_allowed" || f.ClientID != "r" {
					t.Errorf("%s: got %+v", frame, f)
				}
			}
		}
		if last := s.post(0, persist.FleetTrip(0).String(), "last"); last.Seq != seq+1 {
			t.Errorf("the last number is %d, want %d", last.Seq, seq+1)
		}
	})
}

// TestWhatIsBadIsRefusedOverREST: with its code and status, and nothing is stored.
func TestWhatIsBadIsRefusedOverREST(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database, "--roles", "reader=none", "--rate", "0")
		m := s.forChanges()
		trip, other := persist.FleetTrip(0).String(), persist.FleetTrip(1).String()
		before := s.post(0, trip, "before").Seq
		post := func(more string) string { return fmt.Sprintf(`{"chat_room":%q,"content":"x",%s}`, trip, more) }
		for _, c := range []struct {
			user               int
			method, path, body string
			status             int
			code               string
		}{
			{0, "POST", "messages/", post(`"mentions":5`), 400, "invalid_field"},
			{0, "POST", "messages/", post(`"mentions":["` + uuid.NewString() + `"]`), 400, "invalid_mention"},
			{0, "POST", "messages/", post(`"mentions":[` + many(protocol.MentionsMax+1) + `]`), 400, "invalid_mention"},
			{0, "POST", "messages/", post(`"mentions_all":true`), 403, "not_allowed"},
			{0, "POST", "messages/", post(`"data":7`), 400, "invalid_data"},
			{0, "POST", "messages/", post(`"data":{"a":"` + strings.Repeat("x", protocol.DataBytesMax) + `"}`), 400, "invalid_data"},
			{0, "POST", "messages/", post(`"data":{"\ud83d":1}`), 400, "invalid_data"},
			{0, "POST", "messages/", post(`"reply_to":"` + m.gone + `"`), 400, "invalid_reply"},
			{1, "POST", "messages/", post(`"data":{}`), 403, "not_allowed"},
			{0, "PATCH", "messages/" + m.gone + "/", `{"content":"x"}`, 404, "not_found"},
			{0, "PATCH", "messages/" + m.theirs + "/", `{"content":"x"}`, 403, "forbidden"},
			{0, "PATCH", "messages/" + m.elsewhere + "/", `{"content":"x"}`, 404, "not_found"},
			{0, "DELETE", "messages/" + m.theirs + "/", "", 403, "forbidden"},
			{0, "DELETE", "messages/" + m.elsewhere + "/", "", 404, "not_found"},
			{0, "DELETE", "messages/" + uuid.NewString() + "/", "", 404, "not_found"},
			{0, "DELETE", "messages/7/", "", 404, "not_found"},
			{0, "PUT", "messages/" + m.unpinned + "/pin/", "", 400, "too_many_pins"},
			{0, "PUT", "messages/" + m.gone + "/pin/", "", 404, "not_found"},
			{0, "PUT", "messages/" + m.elsewhere + "/pin/", "", 404, "not_found"},
			{1, "PUT", "messages/" + m.there + "/pin/", "", 403, "not_allowed"},
			{1, "DELETE", "messages/" + m.there + "/pin/", "", 403, "not_allowed"},
			{0, "POST", "messages/" + m.there + "/pin/", "", 405, "method_not_allowed"},
			{0, "PUT", "messages/" + m.mine + "/reactions/x/", "", 400, "too_many_reactions"},
			{0, "PUT", "messages/" + m.full + "/reactions/x/", "", 400, "too_many_reactions"},
			{0, "PUT", "messages/" + m.there + "/reactions/%20/", "", 400, "invalid_emoji"},
			{0, "PUT", "messages/" + m.there + "/reactions/%EF%B8%8F/", "", 400, "invalid_emoji"},
			{0, "PUT", "messages/" + m.there + "/reactions/a%00/", "", 400, "invalid_emoji"},
			{0, "PUT", "messages/" + m.there + "/reactions/%FF/", "", 400, "invalid_emoji"},
			{0, "PUT", "messages/" + m.there + "/reactions/" + strings.Repeat("a", protocol.EmojiBytesMax+1) + "/", "", 400, "invalid_emoji"},
			{0, "PUT", "messages/" + m.gone + "/reactions/x/", "", 404, "not_found"},
			{0, "DELETE", "messages/" + m.gone + "/reactions/x/", "", 404, "not_found"},
			{0, "PUT", "messages/" + m.elsewhere + "/reactions/x/", "", 404, "not_found"},
			{1, "PUT", "messages/" + m.there + "/reactions/x/", "", 403, "not_allowed"},
			{0, "GET", "messages/" + m.there + "/reactions/?limit=0", "", 400, "invalid_parameter"},
			{0, "GET", "messages/" + m.there + "/reactions/?limit=201", "", 400, "invalid_parameter"},
			{0, "GET", "messages/" + m.there + "/reactions/?after=x", "", 400, "invalid_parameter"},
			{0, "GET", "messages/" + m.elsewhere + "/reactions/", "", 404, "not_found"},
			{0, "GET", "messages/" + m.there + "/replies/?after=x", "", 400, "invalid_parameter"},
			{0, "GET", "messages/" + m.there + "/replies/?before=1&after=1", "", 400, "invalid_parameter"},
			{0, "GET", "messages/" + m.elsewhere + "/replies/", "", 404, "not_found"},
			{0, "GET", "rooms/" + other + "/pins/", "", 404, "not_found"},
			{0, "GET", "rooms/7/pins/", "", 404, "not_found"},
			{0, "GET", "rooms/" + other + "/", "", 404, "not_found"},
			{0, "POST", "rooms/" + trip + "/read/", `{}`, 400, "invalid_seq"},
			{0, "POST", "rooms/" + trip + "/read/", `{"seq":-1}`, 400, "invalid_seq"},
			{0, "POST", "rooms/" + trip + "/read/", `{"seq":"1"}`, 400, "invalid_field"},
			{0, "POST", "rooms/" + other + "/read/", `{"seq":1}`, 404, "not_found"},
		} {
			got := s.call(bearer(t, c.user), c.method, "/api/v1/chat/"+c.path, c.body)
			if got.StatusCode != c.status || got.code() != c.code || !strings.Contains(string(got.body), `"detail":"`) {
				t.Errorf("%s %s %.100s: %d %s, want %d %s", c.method, c.path, c.body, got.StatusCode, got.body, c.status, c.code)
			}
		}
		if after := s.post(0, trip, "after").Seq; after != before+1 {
			t.Errorf("the number after all that is %d, want %d", after, before+1)
		}
	})
}
