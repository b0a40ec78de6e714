package ledger

import (
	"fmt"
	"strings"
	"testing"
)

// reacted is the history of a message that three users choose the same emoji for: one of them
// takes it away again, of another one nobody knows what became of it. It has a reply.
func reacted(told string) []Record {
	a, b := Content("a", "hello"), Content("b", "bye")
	at := func(r Record, seq, rev int64, op, content, summary string) Record {
		r.Op, r.Message, r.Content, r.Summary = op, strings.ToUpper(op), content, summary
		r.Form, r.Sender, r.Email, r.Created, r.Updated = "text", "user", "user@example.com", "when "+op, "at "+op
		if op == "b" {
			r.Reply, r.Quote, r.QuoteBy = "A", a, "user@example.com"
		}
		if r.Kind != Told {
			r.Seq, r.Rev = seq, rev
			return r
		}
		r.Made, r.Seq, r.Prev, r.Rev, r.Type = seq, rev, rev-1, rev, "chat_message"
		if seq != rev {
			r.Type, r.Change = "message_edited", "summary"
		}
		return r
	}
	h := []Record{
		{Kind: Begin, Version: 2},
		{Kind: Joined, Client: 1, Since: -1, Prev: -1},
		{Kind: Send, Client: 1, Op: "a", Content: a, Form: "text", Sender: "user"},
		at(Record{Kind: Told, Client: 1}, 1, 1, "a", a, ""),
		{Kind: Send, Client: 1, Op: "b", Content: b, Form: "text", Sender: "user", Reply: "A"},
		at(Record{Kind: Told, Client: 1}, 2, 2, "b", b, ""),
	}
	for i, on := range []bool{true, true, false, true} {
		user, op := fmt.Sprintf("u%d", []int{1, 2, 2, 3}[i]), fmt.Sprintf("r%d", i)
		h = append(h, Record{Kind: React, Client: 1, Op: op, Message: "A", On: on, Content: "👍", Sender: user},
			Record{Kind: Granted, Client: 1, Op: op})
	}
	h[len(h)-1].Kind = Cut // of u3
	h = append(h, at(Record{Kind: Told, Client: 1}, 1, 3, "a", a, told), Record{Kind: Stays, Client: 1}, Record{Kind: End, Seq: 3},
		at(Record{Kind: Read, Way: WaySince}, 2, 2, "b", b, ""), at(Record{Kind: Read, Way: WaySince}, 1, 3, "a", a, told),
		at(Record{Kind: Read, Way: WayAfter}, 1, 3, "a", a, told), at(Record{Kind: Read, Way: WayAfter}, 2, 2, "b", b, ""))
	return h
}

func TestASummarySaysWhatThereIs(t *testing.T) {
	for told, want := range map[string]string{
		`{"reactions":[{"emoji":"👍","count":1,"by":["u1"]}],"reply_count":1}`:      "",
		`{"reactions":[{"emoji":"👍","count":2,"by":["u1","u3"]}],"reply_count":1}`: "", // it may have come in
		`{"reply_count":1}`: "does not show 👍, which u1 has chosen",
		`{"reactions":[{"emoji":"👍","count":3,"by":["u1","u2","u3"]}],"reply_count":1}`:                           "3 have chosen 👍, and 1 to 2 have",
		`{"reactions":[{"emoji":"👍","count":2,"by":["u1","u2"]}],"reply_count":1}`:                                "names u2 for 👍",
		`{"reactions":[{"emoji":"👍","count":2,"by":["u1"]}],"reply_count":1}`:                                     "1 are named",
		`{"reactions":[{"emoji":"👍","count":1}],"reply_count":1}`:                                                 "0 are named",
		`{"reactions":[{"emoji":"👍","count":1,"by":["u1"]},{"emoji":"🐫","count":1,"by":["u1"]}],"reply_count":1}`: "have chosen 🐫",
		`{"reactions":[{"emoji":"👍","count":1,"by":["u1"]}]}`:                                                     "0 replies, and it has 1",
		`{"reactions":[{"emoji":"👍","count":1,"by":["u1"]}],"reply_count":2}`:                                     "2 replies, and it has 1",
	} {
		rep := check(reacted(told))
		if found := strings.Join(rep.Lost.First, "\n"); (want == "") != rep.Clean || !strings.Contains(found, want) {
			t.Errorf("%s: want %q, got %+v", told, want, rep)
		}
	}
}

// Each summary that nobody saw needs a reaction or a reply that can have made it due.
func TestANumberMayBeASummaryThatNobodySaw(t *testing.T) {
	for last, clean := range map[int64]bool{4: true, 12: false} {
		h := reacted(`{"reactions":[{"emoji":"👍","count":1,"by":["u1"]}],"reply_count":1}`)
		for i := range h {
			r := &h[i]
			if r.Kind == Told && r.Seq == 3 {
				r.Seq, r.Rev, r.Prev = last, last, 2
			}
			if r.Rev == 3 {
				r.Rev = last
			}
			if r.Kind == End {
				r.Seq = last
			}
		}
		if rep := check(h); rep.Clean != clean {
			t.Errorf("at %d: %+v", last, rep)
		}
	}
}
