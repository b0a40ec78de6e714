package ledger

import (
	"strings"
	"testing"
)

// tokens is a client whose connection is given two tokens, of which one is not good, and which
// lets the last one end.
func tokens() []Record {
	return []Record{
		{Kind: Begin, Seq: 10, Version: 2}, {Kind: Joined, Client: 1, Since: -1, Seq: 10},
		{Kind: Auth, Client: 1, Op: "t1"}, {Kind: Refused, Client: 1, Op: "t1", Code: "invalid_token"},
		{Kind: Auth, Client: 1, Op: "t2", On: true}, {Kind: Granted, Client: 1, Op: "t2", Version: 2},
		{Kind: Auth, Client: 1, Op: "t3", On: true}, {Kind: Cut, Client: 1, Op: "t3"},
		{Kind: Ended, Client: 1, Code: "4001", Token: true, After: 300, Alive: true},
		{Kind: Joined, Client: 1, Since: 10, Prev: 10, Seq: 10}, {Kind: Stays, Client: 1}, {Kind: End, Seq: 10},
	}
}

func checkTokens(h []Record) *Report {
	l := New()
	for i := range h {
		l.Apply(&h[i])
	}
	return l.Check()
}

func TestTokens(t *testing.T) {
	if rep := checkTokens(tokens()); !rep.Clean || rep.Tokens != 3 {
		t.Fatalf("of the faithful history: %+v", rep)
	}
	for name, c := range map[string]struct {
		edit func([]Record) []Record
		why  string // empty: it is right
	}{
		"a token is taken that is not good":       {nthOf(Refused, 1, 1, func(r *Record) { r.Kind = Granted }), "the token of op t1 was taken, and is not good"},
		"a good token is refused":                 {nthOf(Granted, 1, 1, func(r *Record) { r.Kind, r.Code = Refused, "invalid_token" }), "op t2 was refused with \"invalid_token\", for which there is no reason"},
		"a token is not answered":                 {nthOf(Cut, 1, 1, func(r *Record) { r.Kind = Silent }), "op t3 was never answered"},
		"a connection ends before its token does": {nthOf(Ended, 1, 1, func(r *Record) { r.After = -5_000 }), "was ended with 4001"},
		"one ends for its token, and has none":    {nthOf(Ended, 1, 1, func(r *Record) { r.Token = false }), "was ended with 4001"},
		"a token's end in whole seconds":          {nthOf(Ended, 1, 1, func(r *Record) { r.After = -900 }), ""},
		"a good token cannot be looked at":        {nthOf(Granted, 1, 1, func(r *Record) { r.Kind, r.Code = Refused, "unavailable" }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			rep := checkTokens(c.edit(tokens()))
			if said := strings.Join(rep.Unexplained.First, "\n"); rep.Clean != (c.why == "") || !strings.Contains(said, c.why) {
				t.Errorf("want %q in %+v", c.why, rep)
			}
		})
	}
}

// A history of a few messages, as its client asked for, begins with the oldest of them; one that
// leaves out what is between is wrong all the same.
func TestHistoriesMayBeLimited(t *testing.T) {
	shown := func(client int, seq int64) Record {
		n := string(rune('a' + seq))
		return Record{Kind: Shown, Client: client, Since: -1, Op: n, Message: n, Content: n, Seq: seq, Rev: seq}
	}
	history := func(limit int, seqs ...int64) []Record {
		h := []Record{{Kind: Begin}}
		for _, n := range []int64{1, 2, 3, 4} {
			name := string(rune('a' + n))
			h = append(h, Record{Kind: Send, Client: 1, Op: name, Content: name})
		}
		h = append(h, Record{Kind: Joined, Client: 1, Since: -1, Seq: 4}, shown(1, 1), shown(1, 2), shown(1, 3), shown(1, 4),
			Record{Kind: Joined, Client: 2, Since: -1, Seq: 4, Limit: limit})
		for _, n := range seqs {
			h = append(h, shown(2, n))
		}
		return h
	}
	for name, c := range map[string]struct {
		h    []Record
		lost int64
	}{
		"as many as were asked for": {history(2, 3, 4), 0},
		"fewer":                     {history(3, 3, 4), 2},
		"nobody asked for few":      {history(0, 3, 4), 2},
		"one is missing between":    {history(2, 2, 4), 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := New()
			for i := range c.h {
				l.Apply(&c.h[i])
			}
			for len(l.views.waiting) > 0 {
				l.judgeOldest()
			}
			if l.report.Lost.Count != c.lost {
				t.Errorf("%+v", l.report.Lost)
			}
		})
	}
}
