package rest_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// TestRepliesArePagedAsHistory: the number of the original is where they begin.
func TestRepliesArePagedAsHistory(t *testing.T) {
	c := newChat(5)
	c.answers = c.messages[1].ID // what 3, 4 and 5 answer
	n := start(t, c)
	path := "/api/v1/chat/messages/" + c.answers.String() + "/replies/"
	base := "http://" + n.addr + path
	for _, a := range []struct {
		query          string
		seqs           []int64
		next, previous string
	}{
		{"", []int64{3, 4, 5}, "", ""},
		{"?limit=2", []int64{4, 5}, "", base + "?limit=2&before=4"},
		{"?limit=2&before=4", []int64{3}, base + "?limit=2&after=3", ""},
		{"?limit=2&before=3", nil, "", ""},
		{"?limit=2&after=0", []int64{3, 4}, base + "?limit=2&after=4", ""},
		{"?limit=2&after=4", []int64{5}, "", base + "?limit=2&before=5"},
		{"?after=5", nil, "", ""},
		{"?before=99999999999999999999", nil, "", ""},
	} {
		got := n.ask(t, "GET", path+a.query, "")
		var page struct {
			Results        []struct{ Seq int64 }
			Next, Previous string
		}
		if err := json.Unmarshal([]byte(got.body), &page); err != nil {
			t.Fatalf("%s: %v in %s", a.query, err, got.body)
		}
		var seqs []int64
		for _, m := range page.Results {
			seqs = append(seqs, m.Seq)
		}
		if !slices.Equal(seqs, a.seqs) || page.Next != a.next || page.Previous != a.previous {
			t.Errorf("%s: got %v, next %q, previous %q; want %v, %q, %q", a.query, seqs, page.Next, page.Previous, a.seqs, a.next, a.previous)
		}
	}
	for _, x := range []struct {
		who, path string
		status    int
		code      string
	}{
		{"amina", path + "?limit=0", 400, "invalid_parameter"},
		{"amina", path + "?before=x", 400, "invalid_parameter"},
		{"amina", path + "?before=1&after=2", 400, "invalid_parameter"},
		{"amina", "/api/v1/chat/messages/" + uuid.NewString() + "/replies/", 404, "not_found"},
		{"amina", "/api/v1/chat/messages/7/replies/", 404, "not_found"},
		{"stranger", path, 401, "unauthorized"},
		{"amina", path + "more", 404, "not_found"},
	} {
		if got := n.ask(t, "GET", x.path, "", "Authorization", "Bearer "+x.who); got.StatusCode != x.status || got.code() != x.code {
			t.Errorf("%s %s: %d %s", x.who, x.path, got.StatusCode, got.body)
		}
	}
}

// TestLinksOfRepliesLeadToReplies: numbers of others may lie between the original and the first.
func TestLinksOfRepliesLeadToReplies(t *testing.T) {
	c := newChat(6)
	c.answers = c.messages[1].ID
	c.messages = slices.DeleteFunc(c.messages, func(m protocol.Message) bool { return m.Seq == 3 || m.Seq == 6 }) // answers are 4 and 5
	n := start(t, c)
	for _, query := range []string{"?after=0", "?after=3&limit=2", "?before=6"} {
		got := n.ask(t, "GET", "/api/v1/chat/messages/"+c.answers.String()+"/replies/"+query, "")
		var page struct {
			Results        []struct{ Seq int64 }
			Next, Previous *string
		}
		if err := json.Unmarshal([]byte(got.body), &page); err != nil || len(page.Results) != 2 || page.Previous != nil || page.Next != nil {
			t.Errorf("%s: %s", query, got.body)
		}
	}
}
