package ledger

import (
	"slices"
	"strings"
	"testing"
)

// marks is what two members of version 2 and one who only hears of it do in a room that stands
// at 10 and gets ten messages of somebody else, of which the account is not kept here. Client 1
// marks twice, and twice without an answer; client 2 once.
func marks() []Record {
	return []Record{
		{Kind: Begin, Seq: 10, Version: 2},
		{Kind: ReadBy, Client: 3, Sender: "u9", Seq: 7}, // from before the run
		{Kind: Own, Client: 1, Seq: 4}, {Kind: Own, Client: 2, Seq: 10},
		{Kind: Mark, Client: 1, Sender: "u1", Op: "m1", Seq: 12}, {Kind: Granted, Client: 1, Op: "m1", Version: 2},
		{Kind: ReadBy, Client: 3, Sender: "u1", Seq: 12}, {Kind: ReadBy, Client: 2, Sender: "u1", Seq: 12},
		{Kind: Mark, Client: 1, Sender: "u1", Op: "m2", Seq: 15}, // nobody waits for it
		{Kind: Mark, Client: 2, Sender: "u2", Op: "m3", Seq: 14}, {Kind: Granted, Client: 2, Op: "m3", Version: 2},
		{Kind: Further, Client: 1, Seq: 15},
		{Kind: ReadBy, Client: 3, Sender: "u1", Seq: 15}, {Kind: ReadBy, Client: 3, Sender: "u2", Seq: 14},
		{Kind: Own, Client: 1, Seq: 15},
		{Kind: Mark, Client: 1, Sender: "u1", Op: "m4", Seq: 13}, {Kind: Mark, Client: 1, Sender: "u1", Op: "m5", Seq: 15},
		{Kind: Marked, Client: 1, Seq: 15, Version: 2}, {Kind: Marked, Client: 2, Seq: 14, Version: 2},
	}
}

// checkMarks returns what is found in a history of marks alone: of the rest of the account
// nothing is there. Somebody has seen events up to 20.
func checkMarks(h []Record) *Report {
	l := New()
	for i := range h {
		l.Apply(&h[i])
		if h[i].Kind == Begin {
			l.room(h[i].Room).top = 20
		}
	}
	return &l.report
}

func clean(r *Report) bool {
	return r.Lost.Count+r.Repeated.Count+r.Reordered.Count+r.Unexplained.Count == 0
}

func nthOf(kind Kind, client, n int, change func(*Record)) func([]Record) []Record {
	return func(h []Record) []Record {
		for i := range h {
			if h[i].Kind == kind && h[i].Client == client {
				if n--; n == 0 {
					change(&h[i])
				}
			}
		}
		return h
	}
}

func seq(n int64) func(*Record) { return func(r *Record) { r.Seq = n } }

func inserted(at Kind, more ...Record) func([]Record) []Record {
	return func(h []Record) []Record {
		return slices.Insert(h, slices.IndexFunc(h, func(r Record) bool { return r.Kind == at }), more...)
	}
}

func TestWhatIsWrongWithMarks(t *testing.T) {
	if rep := checkMarks(marks()); !clean(rep) {
		t.Fatalf("of the faithful history: %+v", rep)
	}
	for name, c := range map[string]struct {
		edit func([]Record) []Record
		lost string // empty: it is unexplained
		why  string
	}{
		"a mark goes back on the next connection":  {nthOf(Own, 1, 2, seq(11)), "its mark was at 12", ""},
		"a mark goes back in the end":              {nthOf(Marked, 1, 1, seq(14)), "its mark was at 15, and is at 14", ""},
		"a mark that others were told goes back":   {nthOf(Marked, 2, 1, seq(13)), "its mark was at 14, and is at 13", ""},
		"one that only another was told of":        {func(h []Record) []Record { return nthOf(Marked, 1, 1, seq(12))(without1(h)) }, "its mark was at 15, and is at 12", ""},
		"a mark that was said again is not stored": {inserted(Marked, Record{Kind: Mark, Client: 2, Sender: "u2", Op: "m6", Seq: 17}), "it has said again that it has read up to 17", ""},
		"a mark runs ahead on a device":            {nthOf(Further, 1, 1, seq(16)), "", "client 1 is told that client 1 has read up to 16"},
		"a mark runs ahead for others":             {nthOf(ReadBy, 3, 2, seq(13)), "", "has read up to 13, which has asked for 12"},
		"a mark runs ahead in the end":             {nthOf(Marked, 2, 1, seq(15)), "", "its mark is at 15 in the end"},
		"somebody else's mark is told as a user's": {nthOf(ReadBy, 3, 4, seq(15)), "", "client 2 has read up to 15, which has asked for 14"},
		"who has never marked has read":            {nthOf(ReadBy, 3, 1, seq(11)), "", "u9 has read up to 11, who has not"},
	} {
		t.Run(name, func(t *testing.T) {
			rep := checkMarks(c.edit(marks()))
			found, want := rep.Unexplained.First, c.why
			if c.lost != "" {
				found, want = rep.Lost.First, c.lost
			}
			if !strings.Contains(strings.Join(found, "\n"), want) {
				t.Errorf("want %q in %+v", want, rep)
			}
		})
	}
}

// without1 leaves out what client 1 itself was told of its marks after the first.
func without1(h []Record) []Record {
	return slices.DeleteFunc(h, func(r Record) bool { return r.Client == 1 && (r.Kind == Further || r.Kind == Own && r.Seq == 15) })
}

func TestWhatIsOddAndRightOfMarks(t *testing.T) {
	for name, edit := range map[string]func([]Record) []Record{
		"notices of two servers cross":              inserted(Marked, Record{Kind: Further, Client: 1, Seq: 12}, Record{Kind: ReadBy, Client: 2, Sender: "u1", Seq: 4}),
		"the user's own is told to who watches":     inserted(Marked, Record{Kind: ReadBy, Client: 1, Sender: "u1", Seq: 15}),
		"a history read before the mark comes last": func(h []Record) []Record { return nthOf(Own, 1, 2, seq(12))(h) },
		"a mark beyond the room's number":           func(h []Record) []Record { return nthOf(Marked, 2, 1, seq(20))(nthOf(Mark, 2, 1, seq(99))(h)) },
		"nobody says again what version 1 has marked, as it is not told": func(h []Record) []Record {
			return append(h, Record{Kind: Mark, Client: 4, Sender: "u4", Op: "m9", Seq: 18}, Record{Kind: Marked, Client: 4, Seq: 10, Version: 1})
		},
		"watchers are told all again": inserted(Marked, Record{Kind: ReadBy, Client: 3, Sender: "u1", Seq: 15}, Record{Kind: ReadBy, Client: 3, Sender: "u2", Seq: 14}),
	} {
		t.Run(name, func(t *testing.T) {
			if rep := checkMarks(edit(marks())); !clean(rep) {
				t.Errorf("%+v", rep)
			}
		})
	}
}
