package rest_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestAnEmojiIsTakenFromThePathAsItWasSent: it may have slashes and dots of its own.
func TestAnEmojiIsTakenFromThePathAsItWasSent(t *testing.T) {
	c := newChat(1)
	var asked []*room.Op
	c.do = func(_ context.Context, op *room.Op) error {
		asked = append(asked, op)
		op.Outcome = room.Stored
		return nil
	}
	n := start(t, c)
	path := "/api/v1/chat/messages/" + c.messages[0].ID.String() + "/reactions/"
	for _, x := range []struct {
		emoji  string // in the path
		status int
		want   string // what is asked for, or the code
	}{
		{"%F0%9F%91%8D", 200, "👍"}, {"%f0%9f%91%8d/", 200, "👍"},
		{"%E2%9D%A4%EF%B8%8F", 200, "❤\ufe0f"}, {"%E2%9D%A4", 200, "❤"},
		{"%F0%9F%91%A9%E2%80%8D%F0%9F%92%BB/", 200, "👩\u200d💻"}, {"%F0%9F%91%8D%F0%9F%8F%BD", 200, "👍🏽"},
		{"%2B1", 200, "+1"}, {"+1", 200, "+1"}, {"a%2Fb", 200, "a/b"}, {"%2E%2E", 200, ".."}, {"..", 200, ".."}, {".", 200, "."}, {"%2F..%2F../", 200, "/../.."},
		{"%25", 200, "%"}, {"x%3Fy%23", 200, "x?y#"}, {"%E2%80%AE", 200, "\u202e"},
		{strings.Repeat("x", 64), 200, strings.Repeat("x", 64)}, {strings.Repeat("x", 65), 400, "invalid_emoji"},
		{"%20", 400, "invalid_emoji"}, {"a%20b", 400, "invalid_emoji"}, {"%00", 400, "invalid_emoji"}, {"%0A", 400, "invalid_emoji"}, {"%7F", 400, "invalid_emoji"},
		{"%EF%B8%8F", 400, "invalid_emoji"}, {"%FF", 400, "invalid_emoji"}, {"%", 400, "invalid_emoji"}, {"%zz", 400, "invalid_emoji"}, {"%C2%A0", 400, "invalid_emoji"},
		{"", 405, "method_not_allowed"}, {"x/y", 404, "not_found"},
	} {
		for i, method := range []string{"PUT", "DELETE"} {
			asked = nil
			conn, in := dial(t, n.addr)
			write(t, conn, method+" "+path+x.emoji+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer jonas\r\nContent-Length: 2\r\n\r\n{}")
			got := read(t, in)
			_ = conn.Close()
			if got.StatusCode != x.status {
				t.Errorf("%s %q: %s", method, x.emoji, got.Status)
			}
			if x.status != 200 {
				if len(asked) > 0 {
					t.Errorf("%s %q: asked for %+v", method, x.emoji, asked[0])
				}
				continue
			}
			if len(asked) != 1 || asked[0].Kind != protocol.KindReact || asked[0].Emoji != x.want || asked[0].On != (i == 0) || asked[0].MessageID != c.messages[0].ID {
				t.Errorf("%s %q: asked for %+v, want %q", method, x.emoji, asked, x.want)
			}
		}
	}
}

func TestReactionsAreAnsweredAndListed(t *testing.T) {
	c := newChat(1)
	c.do = func(_ context.Context, op *room.Op) error { op.Outcome = room.Stored; return nil }
	for i, emoji := range []string{"👍", "❤\ufe0f", "👍"} {
		c.reactors = append(c.reactors, room.Reactor{User: []protocol.User{c.amina, c.amina, c.jonas}[i], Emoji: emoji, Key: protocol.EmojiKey(emoji), At: time.UnixMicro(int64(i + 1)).UTC()})
	}
	n := start(t, c)
	path := "/api/v1/chat/messages/" + c.messages[0].ID.String() + "/reactions/"
	if got := n.ask(t, "PUT", path+"x", ""); got.body != `{"reactions":[{"emoji":"👍","count":1},{"emoji":"❤️","count":1},{"emoji":"👍","count":1}],"my_reactions":["👍","❤️"]}` {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	for query, want := range map[string]string{"": "amina👍 amina❤️ jonas👍", "?limit=1": "amina👍|amina❤️|jonas👍", "?limit=1&emoji=%F0%9F%91%8D": "amina👍|jonas👍", "?emoji=%E2%9D%A4": "amina❤️", "?emoji=x": ""} {
		var pages []string
		for next := path + query; next != ""; {
			got := n.ask(t, "GET", next, "")
			var page struct {
				Results []struct {
					User      struct{ Email string }
					Emoji     string
					CreatedAt time.Time `json:"created_at"`
				}
				Next *string
			}
			if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.StatusCode != 200 {
				t.Fatalf("%v in %d %s", err, got.StatusCode, got.body)
			}
			var all []string
			for _, r := range page.Results {
				name, _, _ := strings.Cut(r.User.Email, "@")
				all = append(all, name+r.Emoji)
			}
			pages, next = append(pages, strings.Join(all, " ")), ""
			if page.Next != nil {
				next = strings.TrimPrefix(*page.Next, "http://"+n.addr)
			}
		}
		if got := strings.Join(pages, "|"); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	for _, x := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", path + "?limit=0", 400, "invalid_parameter"},
		{"GET", path + "?emoji=%20", 400, "invalid_emoji"},
		{"GET", path + "?after=", 400, "invalid_parameter"},
		{"GET", path + "?after=" + uuid.NewString(), 400, "invalid_parameter"},
		{"GET", path + "?after=" + uuid.NewString() + ".%20", 400, "invalid_parameter"},
		{"GET", path + "?after=" + uuid.Nil.String() + ".x", 400, "invalid_parameter"},
		{"GET", path + "?after=-1000000000000000000." + uuid.NewString() + ".x", 400, "invalid_parameter"},
		{"GET", "/api/v1/chat/messages/7/reactions/", 404, "not_found"},
		{"PUT", "/api/v1/chat/messages/7/reactions/x/", 404, "not_found"},
		{"DELETE", "/api/v1/chat/messages/" + uuid.NewString() + "/reactions/x", 404, "not_found"},
		{"POST", path + "x/", 405, "method_not_allowed"},
		{"PUT", path, 405, "method_not_allowed"},
	} {
		if got := n.ask(t, x.method, x.path, ""); got.StatusCode != x.status || got.code() != x.code {
			t.Errorf("%s %s: %d %s", x.method, x.path, got.StatusCode, got.body)
		}
	}
}

// TestWhatIsStoredIsNeverSaidNotToBe: where a reaction or a mark is stored, and it cannot be read
// what there is then, no code says that nothing is stored.
func TestWhatIsStoredIsNeverSaidNotToBe(t *testing.T) {
	for _, why := range []error{room.ErrUnavailable, room.ErrStoreDown, room.ErrRateLimited, room.ErrBusy, context.DeadlineExceeded} {
		c := newChat(1)
		c.afterwards = why
		n := start(t, c)
		reactions := "/api/v1/chat/messages/" + c.messages[0].ID.String() + "/reactions/x/"
		for _, call := range []struct{ method, path, body string }{
			{"PUT", reactions, ""}, {"DELETE", reactions, ""}, {"POST", "/api/v1/chat/rooms/" + c.place.ID.String() + "/read/", `{"seq":1}`},
		} {
			if got := n.ask(t, call.method, call.path, call.body); got.StatusCode != 503 || !strings.Contains(got.body, `"unknown_outcome"`) || got.Header.Get("Retry-After") == "" {
				t.Errorf("%s %s after %v: %d %s", call.method, call.path, why, got.StatusCode, got.body)
			}
		}
	}
}
