package ledger

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// faithful is the history of a room that stood at 10 and of a server that keeps
// the contract: client 1 sends a (acknowledged), b (cut, resent, acknowledged as
// known) and c (refused); it edits a twice; client 2 sees all live; client 3 was
// away and resumes.
func faithful() []Record {
	a, b := Content("a", "hello"), Content("b", "bye")
	e1, e2 := Content("e1", "hallo"), Content("e2", "hullo")
	return []Record{
		{Kind: Begin, Seq: 10},
		{Kind: Joined, Client: 1, Since: -1, Seq: 10},
		{Kind: Shown, Client: 1, Since: -1, Message: "old", Seq: 9, Rev: 10, Content: "before the run"},
		{Kind: Joined, Client: 2, Since: -1, Seq: 10},
		{Kind: Joined, Client: 3, Since: -1, Seq: 10},
		{Kind: Send, Client: 1, Op: "a", Content: a},
		{Kind: Acked, Client: 1, Op: "a", Message: "A", Seq: 11, Rev: 11, Content: a},
		{Kind: Told, Client: 1, Op: "a", Message: "A", Seq: 11, Prev: 10, Made: 11, Content: a},
		{Kind: Told, Client: 2, Op: "a", Message: "A", Seq: 11, Prev: 10, Made: 11, Content: a},
		{Kind: Told, Client: 3, Op: "a", Message: "A", Seq: 11, Prev: 10, Made: 11, Content: a},
		{Kind: Send, Client: 1, Op: "b", Content: b},
		{Kind: Cut, Client: 1, Op: "b"},
		{Kind: Told, Client: 2, Op: "b", Message: "B", Seq: 12, Prev: 11, Made: 12, Content: b},
		{Kind: Joined, Client: 1, Since: 11, Seq: 12},
		{Kind: Shown, Client: 1, Since: 11, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
		{Kind: Resend, Client: 1, Op: "b"},
		{Kind: Acked, Client: 1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
		{Kind: Send, Client: 1, Op: "c", Content: Content("c", "never")},
		{Kind: Refused, Client: 1, Op: "c", Code: "unavailable"},
		{Kind: Edit, Client: 1, Op: "e1", Message: "A", Content: e1},
		{Kind: Edit, Client: 1, Op: "e2", Message: "A", Content: e2},
		{Kind: Told, Client: 1, Op: "a", Message: "A", Seq: 13, Prev: 12, Made: 11, Content: e1},
		{Kind: Told, Client: 2, Op: "a", Message: "A", Seq: 13, Prev: 12, Made: 11, Content: e1},
		{Kind: Told, Client: 1, Op: "a", Message: "A", Seq: 14, Prev: 13, Made: 11, Content: e2},
		{Kind: Told, Client: 2, Op: "a", Message: "A", Seq: 14, Prev: 13, Made: 11, Content: e2},
		{Kind: Joined, Client: 3, Since: 11, Seq: 14},
		{Kind: Shown, Client: 3, Since: 11, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
		{Kind: Shown, Client: 3, Since: 11, Op: "a", Message: "A", Seq: 11, Rev: 14, Content: e2},
		{Kind: Stays, Client: 1}, {Kind: Stays, Client: 2}, {Kind: Stays, Client: 3},
		{Kind: End, Seq: 14},
		{Kind: Read, Way: WaySince, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
		{Kind: Read, Way: WaySince, Op: "a", Message: "A", Seq: 11, Rev: 14, Content: e2},
		{Kind: Read, Way: WayAfter, Op: "a", Message: "A", Seq: 11, Rev: 14, Content: e2},
		{Kind: Read, Way: WayAfter, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
	}
}

// describe fills in what all records of a message have, where a test does not say
// otherwise: its sender, its times and so on.
func describe(r *Record) {
	const sender, email = "user", "user@example.com"
	switch {
	case r.Form != "":
		return // described by the test
	case r.Kind == Joined && r.Prev == 0:
		r.Prev = r.Since
		return
	case r.Kind == Send:
		r.Form, r.Sender = "text", sender
		return
	case r.Message == "" || r.Kind == Edit || r.Kind == Delete || r.Kind == Pin || r.Kind == React || r.Kind == Chosen:
		return
	case r.Kind == Told:
		r.Rev = max(r.Rev, r.Seq)
		r.Edited = r.Rev != r.Made
		r.Type = map[bool]string{false: "chat_message", true: "message_edited"}[r.Seq != r.Made]
	case r.Kind == Held || r.Kind == Drawn:
		r.Edited = r.Rev != r.Made
	default:
		r.Edited = r.Rev != r.Seq
	}
	r.Form, r.Sender, r.Email = "text", sender, email
	r.Created, r.Updated = "when "+r.Message+" was made", fmt.Sprintf("at %d", r.Rev)
}

func check(records []Record) *Report {
	l := New()
	for i := range records {
		describe(&records[i])
		l.Apply(&records[i])
	}
	return l.Check()
}

func TestAFaithfulHistoryIsClean(t *testing.T) {
	rep := check(faithful())
	if !rep.Clean {
		t.Fatalf("%+v", rep)
	}
	if rep.Sent != 3 || rep.Edits != 2 || rep.Attempts != 6 || rep.Stored != 2 || rep.Denied != 1 || rep.Settled != 4 || rep.Numbers != 4 {
		t.Errorf("%+v", rep)
	}
}

// find returns the index of the nth record (from 0) that the test accepts.
func find(t *testing.T, records []Record, nth int, is func(*Record) bool) int {
	t.Helper()
	for i := range records {
		if is(&records[i]) {
			if nth == 0 {
				return i
			}
			nth--
		}
	}
	t.Fatal("the history has no such record")
	return -1
}

func told(client int, seq int64) func(*Record) bool {
	return func(r *Record) bool { return r.Kind == Told && r.Client == client && r.Seq == seq }
}

func kind(k Kind, op string) func(*Record) bool {
	return func(r *Record) bool { return r.Kind == k && r.Op == op }
}

// edit alters a history.
type edit = func(t *testing.T, h []Record) []Record

// drop leaves out the nth record that is meant.
func drop(nth int, is func(*Record) bool) edit {
	return func(t *testing.T, h []Record) []Record {
		i := find(t, h, nth, is)
		return slices.Delete(h, i, i+1)
	}
}

// change alters the nth record that is meant.
func change(nth int, is func(*Record) bool, to func(*Record)) edit {
	return func(t *testing.T, h []Record) []Record {
		to(&h[find(t, h, nth, is)])
		return h
	}
}

// again repeats the first record that is meant.
func again(is func(*Record) bool) edit {
	return func(t *testing.T, h []Record) []Record {
		i := find(t, h, 0, is)
		return slices.Insert(h, i+1, h[i])
	}
}

// add appends records, and before inserts them before the first that is meant.
func add(more ...Record) edit {
	return func(_ *testing.T, h []Record) []Record { return append(h, more...) }
}

func before(is func(*Record) bool, more ...Record) edit {
	return func(t *testing.T, h []Record) []Record { return slices.Insert(h, find(t, h, 0, is), more...) }
}

// both applies edits one after the other.
func both(edits ...edit) edit {
	return func(t *testing.T, h []Record) []Record {
		for _, e := range edits {
			h = e(t, h)
		}
		return h
	}
}

// finds checks that an altered history has findings of one sort, with these words,
// and of no other sort.
func finds(t *testing.T, h []Record, want, text string) {
	t.Helper()
	rep := check(h)
	findings := map[string]Finding{"lost": rep.Lost, "repeated": rep.Repeated, "reordered": rep.Reordered, "unexplained": rep.Unexplained}
	found := findings[want]
	if rep.Clean || found.Count == 0 || !slices.ContainsFunc(found.First, func(s string) bool { return strings.Contains(s, text) }) {
		t.Fatalf("want %s: %q; got %+v", want, text, findings)
	}
	delete(findings, want)
	for name, f := range findings {
		if f.Count > 0 {
			t.Errorf("also %s: %v", name, f.First)
		}
	}
}

// Each case breaks the contract in one place of the faithful history; the
// checker must find it, and put it where it belongs.
func TestEveryDefectIsFound(t *testing.T) {
	for _, c := range []struct {
		name string
		edit edit
		want string // which finding
		text string // in its words
	}{
		{"an event is missing in the middle", drop(0, told(2, 12)), "lost", "client 2: events 12 to 12 did not come"},
		{"the last event is missing", drop(0, told(2, 14)), "lost", "client 2 never saw event 14"},
		{"a resume leaves out the newest state", func(t *testing.T, h []Record) []Record {
			i := find(t, h, 0, func(r *Record) bool { return r.Kind == Shown && r.Client == 3 && r.Message == "A" })
			return slices.Delete(h, i, i+1)
		}, "lost", "client 3 never saw event 14"},
		{"an acknowledged message is not stored", func(_ *testing.T, h []Record) []Record {
			return slices.DeleteFunc(h, func(r Record) bool { return r.Kind == Read && r.Op == "b" })
		}, "lost", "message B of op b was seen"},
		{"one way of reading back leaves a message out", drop(3, func(r *Record) bool { return r.Kind == Read }), "lost", "read by after"},
		{"an edit is lost again", change(0, func(r *Record) bool { return r.Kind == Read && r.Op == "a" }, func(r *Record) {
			r.Rev, r.Content = 13, Content("e1", "hallo")
		}), "lost", "is at 13 at the end"},
		{"the room goes back", change(0, func(r *Record) bool { return r.Kind == End }, func(r *Record) { r.Seq = 13 }), "lost", "event 14 was seen, and the room is at 13"},
		{"a resume stands before where the client stood", change(0, func(r *Record) bool { return r.Kind == Joined && r.Client == 1 && r.Since == 11 }, func(r *Record) {
			r.Since = 13
		}), "lost", "after reconnecting at 12"},
		{"an event comes twice", again(told(2, 12)), "repeated", "client 2: event 12 came again"},
		{"a message is shown that is not new", change(0, func(r *Record) bool { return r.Kind == Shown && r.Client == 1 && r.Since == 11 }, func(r *Record) {
			r.Since = 12
		}), "repeated", "came again after it asked"},
		{"a client_id is stored twice", both(
			change(0, func(r *Record) bool { return r.Kind == End }, func(r *Record) { r.Seq = 15 }),
			add(Record{Kind: Read, Way: WaySince, Op: "b", Message: "B2", Seq: 15, Rev: 15, Content: Content("b", "bye")},
				Record{Kind: Read, Way: WayAfter, Op: "b", Message: "B2", Seq: 15, Rev: 15, Content: Content("b", "bye")},
				Record{Kind: Told, Client: 1, Op: "b", Message: "B2", Seq: 15, Prev: 14, Made: 15, Content: Content("b", "bye")},
				Record{Kind: Told, Client: 2, Op: "b", Message: "B2", Seq: 15, Prev: 14, Made: 15, Content: Content("b", "bye")},
				Record{Kind: Told, Client: 3, Op: "b", Message: "B2", Seq: 15, Prev: 14, Made: 15, Content: Content("b", "bye")}),
		), "repeated", "op b is stored twice"},
		{"an edit takes effect twice", func(_ *testing.T, h []Record) []Record {
			for i := range h {
				if h[i].Kind == Told && h[i].Seq == 13 {
					h[i].Content = Content("e2", "hullo")
				}
			}
			return slices.DeleteFunc(h, kindIs(Edit, "e1"))
		}, "repeated", "edit e2 took effect twice"},
		{"a message is read back twice", again(func(r *Record) bool { return r.Kind == Read }), "repeated", "was read back twice"},
		{"two events change places", func(t *testing.T, h []Record) []Record {
			i, j := find(t, h, 0, told(2, 13)), find(t, h, 0, told(2, 14))
			h[i], h[j] = h[j], h[i]
			h[i].Prev = 12 // so that it does not look like a gap
			return h
		}, "reordered", "client 2: event 13 came after 14"},
		{"clients see different events at one number", change(0, told(2, 13), func(r *Record) {
			r.Op, r.Message, r.Made = "b", "B", 12
		}), "reordered", "number 13 is of message"},
		{"a message was made at two numbers", change(0, told(2, 14), func(r *Record) { r.Made = 12 }), "reordered", "made at 11 as first seen"},
		{"a resume is not in the order of rev", func(t *testing.T, h []Record) []Record {
			i := find(t, h, 0, func(r *Record) bool { return r.Kind == Shown && r.Client == 3 })
			h[i], h[i+1] = h[i+1], h[i]
			return h
		}, "reordered", "is shown after 14"},
		{"a refused message is stored", func(_ *testing.T, h []Record) []Record {
			c := Content("c", "never")
			for i := range h {
				if h[i].Kind == End {
					h[i].Seq = 15
				}
			}
			return append(h,
				Record{Kind: Told, Client: 1, Op: "c", Message: "C", Seq: 15, Prev: 14, Made: 15, Content: c},
				Record{Kind: Told, Client: 2, Op: "c", Message: "C", Seq: 15, Prev: 14, Made: 15, Content: c},
				Record{Kind: Told, Client: 3, Op: "c", Message: "C", Seq: 15, Prev: 14, Made: 15, Content: c},
				Record{Kind: Read, Way: WaySince, Op: "c", Message: "C", Seq: 15, Rev: 15, Content: c},
				Record{Kind: Read, Way: WayAfter, Op: "c", Message: "C", Seq: 15, Rev: 15, Content: c})
		}, "unexplained", "op c was refused, and is stored"},
		{"a message is never settled", drop(0, kind(Refused, "c")), "unexplained", "op c was never settled"},
		{"an unknown outcome is never settled", change(0, kind(Refused, "c"), func(r *Record) { r.Code = "unknown_outcome" }), "unexplained", "op c was never settled"},
		{"a message gets no answer", add(Record{Kind: Silent, Client: 1, Op: "a"}), "unexplained", "never answered"},
		{"a number belongs to nothing", change(0, func(r *Record) bool { return r.Kind == End }, func(r *Record) { r.Seq = 15 }), "unexplained", "1 numbers, the first is 15"},
		{"a message of nobody", both(
			change(0, func(r *Record) bool { return r.Kind == End }, func(r *Record) { r.Seq = 15 }),
			func(_ *testing.T, h []Record) []Record {
				for client := 1; client <= 3; client++ {
					h = append(h, Record{Kind: Told, Client: client, Message: "X", Seq: 15, Prev: 14, Made: 15, Content: "x"})
				}
				return h
			},
		), "unexplained", "is not of this fleet"},
		{"a message says something else", func(_ *testing.T, h []Record) []Record {
			for i := range h {
				if h[i].Message == "B" {
					h[i].Content = Content("b", "by")
				}
			}
			return h
		}, "unexplained", "does not say what op b sent"},
		{"it says something else to one", change(0, told(2, 14), func(r *Record) { r.Content = Content("e2", "") }), "unexplained", "said something else to client 2"},
		{"an edit that nobody asked for", func(_ *testing.T, h []Record) []Record {
			return slices.DeleteFunc(h, kindIs(Edit, "e1"))
		}, "unexplained", "what no edit asked for"},
		{"a room's end is not known", func(_ *testing.T, h []Record) []Record {
			return slices.DeleteFunc(h, func(r Record) bool { return r.Kind == End })
		}, "unexplained", "is not known"},
	} {
		t.Run(c.name, func(t *testing.T) { finds(t, c.edit(t, faithful()), c.want, c.text) })
	}
}

func kindIs(k Kind, op string) func(Record) bool {
	return func(r Record) bool { return r.Kind == k && r.Op == op }
}
