package rest_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/rest"
	"github.com/caravan-chat/caravan/room/visit"
)

func TestPagesLinkToTheirNeighbours(t *testing.T) {
	c := newChat(5)
	n := start(t, c)
	path := "/api/v1/chat/rooms/" + c.place.TripID.String() + "/messages/"
	base := "http://" + n.addr + path
	for _, a := range []struct {
		query, seqs, next, previous string
	}{
		{"", "12345", "", ""},
		{"?limit=2", "45", "", base + "?limit=2&before=4"},
		{"?limit=2&before=4", "23", base + "?limit=2&after=3", base + "?limit=2&before=2"},
		{"?limit=2&before=2", "1", base + "?limit=2&after=1", ""},
		{"?limit=2&before=1", "", "", ""},
		{"?limit=2&before=0", "", "", ""},
		{"?limit=2&before=6", "", "", ""},
		{"?limit=2&before=99999999999999999999", "", "", ""},
		{"?limit=2&after=0", "12", base + "?limit=2&after=2", ""},
		{"?limit=2&after=1", "23", base + "?limit=2&after=3", base + "?limit=2&before=2"},
		{"?limit=2&after=4", "5", "", base + "?limit=2&before=5"},
		{"?limit=2&after=5", "", "", ""},
		{"?after=99999999999999999999", "", "", ""},
	} {
		got := n.ask(t, "GET", path+a.query, "")
		var page struct {
			Results        []struct{ Seq int64 }
			Next, Previous string
		}
		if err := json.Unmarshal([]byte(got.body), &page); err != nil {
			t.Fatalf("%s: %v in %s", a.query, err, got.body)
		}
		var seqs strings.Builder
		for _, m := range page.Results {
			seqs.WriteString(string(rune('0' + m.Seq)))
		}
		if seqs.String() != a.seqs || page.Next != a.next || page.Previous != a.previous {
			t.Errorf("%s: got %q, next %q, previous %q; want %q, %q, %q", a.query, seqs.String(), page.Next, page.Previous, a.seqs, a.next, a.previous)
		}
	}
}

// TestLinksFollowTrustedProxiesAlone: in scheme and host.
func TestLinksFollowTrustedProxiesAlone(t *testing.T) {
	var proxies visit.Proxies
	c := newChat(5)
	n := start(t, c, func(cfg *rest.Config) { cfg.Proxies = &proxies })
	path := "/api/v1/chat/rooms/" + c.place.TripID.String() + "/messages/?limit=2"
	for networks, want := range map[string][3]string{
		"127.0.0.0/8": {"https://" + n.addr, "http://chat.example", "https://chat.example"},
		"10.0.0.0/8":  {"http://" + n.addr, "http://" + n.addr, "http://" + n.addr},
	} {
		trusted, err := visit.ParseProxies(networks)
		if err != nil {
			t.Fatal(err)
		}
		proxies.Believe(trusted)
		for i, header := range [][]string{
			{"X-Forwarded-Proto", "https, http"}, {"X-Forwarded-Host", "chat.example"},
			{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "chat.example, inner.example"},
		} {
			got := n.ask(t, "GET", path, "", header...)
			if want := `"previous":"` + want[i] + "/api/"; !strings.Contains(got.body, want) {
				t.Errorf("%v of %s: got %s, want %s", header, networks, got.body, want)
			}
		}
	}
}

// TestNoPageLeadsToAnEmptyOne: the room's last numbers are changes of messages.
func TestNoPageLeadsToAnEmptyOne(t *testing.T) {
	c := newChat(5)
	c.place.Seq += 2
	n := start(t, c)
	path := "/api/v1/chat/rooms/" + c.place.TripID.String() + "/messages/?limit=2&before="
	for before, next := range map[string]bool{"6": false, "7": false, "5": true, "2": true} {
		var page struct {
			Results []struct{ Seq int64 }
			Next    *string
		}
		if got := n.ask(t, "GET", path+before, ""); json.Unmarshal([]byte(got.body), &page) != nil || len(page.Results) == 0 || (page.Next != nil) != next {
			t.Errorf("before %s: %s", before, got.body)
		}
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	c := newChat(1)
	n := start(t, c)
	for _, path := range []string{"/api/v1/chat/rooms", "/api/v1/chat/rooms/" + c.place.ID.String() + "/messages", "/api/v1/chat/messages/" + c.messages[0].ID.String()} {
		get, head := n.ask(t, "GET", path, ""), n.ask(t, "HEAD", path, "")
		if head.StatusCode != 200 || head.body != "" || get.ContentLength != head.ContentLength || get.ContentLength == 0 {
			t.Errorf("%s: HEAD %d, %d bytes announced; GET %d bytes", path, head.StatusCode, head.ContentLength, get.ContentLength)
		}
	}
}

func TestPagesOfAllowedOriginsMayReadAnswers(t *testing.T) {
	n := start(t, newChat(1))
	const rooms = "/api/v1/chat/rooms/"
	good := n.ask(t, "GET", rooms, "", "Origin", "https://app.example")
	if good.StatusCode != 200 || good.Header.Get("Access-Control-Allow-Origin") != "https://app.example" || good.Header.Get("Vary") != "Origin" {
		t.Errorf("allowed: %d %v", good.StatusCode, good.Header)
	}
	if refused := n.ask(t, "GET", rooms, "", "Origin", "https://app.example", "Authorization", ""); refused.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Error("an allowed page cannot read why it was refused")
	}
	if bad := n.ask(t, "GET", rooms, "", "Origin", "https://evil.example"); bad.Header.Get("Access-Control-Allow-Origin") != "" || bad.Header.Get("Vary") != "Origin" {
		t.Errorf("disallowed: %v", bad.Header)
	}
	flight := n.ask(t, "OPTIONS", "/api/v1/chat/messages/", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST", "Authorization", "")
	if flight.StatusCode != 204 || !strings.Contains(flight.Header.Get("Access-Control-Allow-Methods"), "POST") ||
		!strings.Contains(flight.Header.Get("Access-Control-Allow-Headers"), "Authorization") || flight.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("preflight: %d %v", flight.StatusCode, flight.Header)
	}
	flight = n.ask(t, "OPTIONS", "/api/v1/chat/messages/", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	if flight.StatusCode != 204 || flight.Header.Get("Access-Control-Allow-Methods") != "" || flight.Header.Get("Access-Control-Allow-Origin") != "" || flight.Header.Get("Allow") == "" {
		t.Errorf("disallowed preflight: %d %v", flight.StatusCode, flight.Header)
	}
}

func TestWritesAreCountedPerUser(t *testing.T) {
	c := newChat(1)
	n := start(t, c, func(cfg *rest.Config) {
		cfg.Allowances = allowance.New(allowance.Rates{allowance.RESTWrites: {PerSecond: 1, Burst: 2}})
	})
	body := `{"chat_room":"` + c.place.ID.String() + `","content":"x"}`
	send := func(who string) answer {
		return n.ask(t, "POST", "/api/v1/chat/messages/", body, "Authorization", "Bearer "+who)
	}
	edit := n.ask(t, "PATCH", "/api/v1/chat/messages/"+c.messages[0].ID.String(), `{"content":"y"}`)
	if first, over := send("amina"), send("amina"); edit.StatusCode != 200 || first.StatusCode != 201 || over.StatusCode != 429 || over.code() != "rate_limited" || over.Header.Get("Retry-After") != "1" {
		t.Errorf("got %d, %d, %d %s, Retry-After %q; want 200, 201, 429", edit.StatusCode, first.StatusCode, over.StatusCode, over.body, over.Header.Get("Retry-After"))
	}
	if other := send("jonas"); other.StatusCode != 201 {
		t.Errorf("another user got %d", other.StatusCode)
	}
	if read := n.ask(t, "GET", "/api/v1/chat/rooms/", ""); read.StatusCode != 200 {
		t.Errorf("a read got %d", read.StatusCode)
	}
}

// A resend of a few bytes is answered with the whole message, which counts as bytes of
// whoever resends it.
func TestAnswersToResendsCountAsBytes(t *testing.T) {
	c := newChat(1)
	n := start(t, c, func(cfg *rest.Config) {
		cfg.Allowances = allowance.New(allowance.Rates{allowance.FrameBytes: {PerSecond: 1, Burst: 10_000}})
	})
	c.do = func(_ context.Context, op *room.Op) error {
		op.Outcome, op.Message = room.Duplicate, &protocol.Message{ID: uuid.New(), Content: strings.Repeat("x", 20_000), Seq: 1, Rev: 1}
		return nil
	}
	body := `{"chat_room":"` + c.place.ID.String() + `","content":"x","client_id":"c"}`
	send := func(who string) answer {
		return n.ask(t, "POST", "/api/v1/chat/messages/", body, "Authorization", "Bearer "+who)
	}
	if first, again, other := send("amina"), send("amina"), send("jonas"); first.StatusCode != 200 || again.StatusCode != 429 || other.StatusCode != 200 {
		t.Errorf("got %d, %d; another user %d; want 200, 429, 200", first.StatusCode, again.StatusCode, other.StatusCode)
	}
}
