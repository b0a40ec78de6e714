package ledger

import (
	"slices"
	"strings"
	"testing"
)

// files is the faithful history of a room whose first message has a file of client 1's, which
// client 2 reads; then it is deleted. A second message wants the file as well, and a third file
// is never sent.
func files() []Record {
	said := Content("a", "at the sea")
	a := func(r Record) Record {
		r.Op, r.Message, r.Content, r.Seq, r.Extra = "a", "A", said, 11, "f1"
		return r
	}
	gone := func(r Record) Record {
		r.Op, r.Message, r.Content, r.Deleted, r.DeletedBy = "a", "A", hidden, "at 12", "sender"
		return r
	}
	return []Record{
		{Kind: Begin, Seq: 10},
		{Kind: Joined, Client: 1, Since: -1, Seq: 10}, {Kind: Joined, Client: 2, Since: -1, Seq: 10},
		{Kind: Uploaded, Client: 1, File: "f1", Content: "h1"}, {Kind: Uploaded, Client: 1, File: "f2", Content: "h2"},
		{Kind: Unstored, Client: 2, Code: "unavailable"},
		{Kind: Send, Client: 1, Op: "a", Content: said, Extra: "f1", Files: []string{"f1"}},
		a(Record{Kind: Told, Client: 1, Prev: 10, Made: 11}), a(Record{Kind: Told, Client: 2, Prev: 10, Made: 11}),
		{Kind: Send, Client: 1, Op: "b", Content: Content("b", "again"), Extra: "f1", Files: []string{"f1"}},
		{Kind: Refused, Client: 1, Op: "b", Code: "invalid_attachment"},
		{Kind: Fetch, Client: 2, File: "f1", Message: "A"}, {Kind: Fetched, Client: 2, File: "f1", Message: "A", Content: "h1"},
		{Kind: Fetch, Client: 2, File: "f1", Message: "A"},
		{Kind: Delete, Client: 1, Op: "d", Message: "A", Sender: "user"},
		{Kind: Fetched, Client: 2, File: "f1", Message: "A", Code: "not_found"}, // perhaps it is stored by then
		{Kind: Fetch, Client: 2, File: "f1", Message: "A"},
		gone(Record{Kind: Told, Client: 1, Seq: 12, Prev: 11, Made: 11}), gone(Record{Kind: Told, Client: 2, Seq: 12, Prev: 11, Made: 11}),
		{Kind: Fetched, Client: 2, File: "f1", Message: "A", Content: "h1"}, // it was asked for before
		{Kind: Fetch, Client: 2, File: "f1", Message: "A"}, {Kind: Fetched, Client: 2, File: "f1", Message: "A", Code: "not_found"},
		{Kind: Stays, Client: 1}, {Kind: Stays, Client: 2},
		{Kind: End, Seq: 12},
		gone(Record{Kind: Read, Way: WaySince, Seq: 11, Rev: 12}), gone(Record{Kind: Read, Way: WayAfter, Seq: 11, Rev: 12}),
		{Kind: Row, Way: WayFiles, File: "f1", Code: "not_found"}, {Kind: Row, Way: WayFiles, File: "f2", Content: "h2"},
		{Kind: Listed, Way: WayFiles}, {Kind: Listed, Way: RowsFiles},
	}
}

func TestFilesMayBeSentReadAndDeleted(t *testing.T) {
	if rep := check(files()); !rep.Clean || rep.Files != 2 || rep.Unstored["unavailable"] != 1 || len(rep.Refused) != 1 || rep.Fetched != 4 || rep.Denied != 1 {
		t.Errorf("%+v", rep)
	}
}

func TestWrongFilesAreFound(t *testing.T) {
	fetched := isKind(Fetched)
	row := func(id string) func(*Record) bool {
		return func(r *Record) bool { return r.Kind == Row && r.File == id }
	}
	for _, c := range []struct {
		name, want, text string
		edit             edit
	}{
		{"other bytes", "lost", "other bytes are served than", change(0, fetched, func(r *Record) { r.Content = "h2" })},
		{"no bytes", "lost", "file f1 of message A cannot be fetched: not_found", change(0, fetched, func(r *Record) { r.Content, r.Code = "", "not_found" })},
		{"a link that does not work", "lost", "cannot be fetched: forbidden", change(0, fetched, func(r *Record) { r.Content, r.Code = "", "forbidden" })},
		{"served after the deletion", "unexplained", "is served, and its message A was deleted", change(3, fetched, func(r *Record) { r.Content, r.Code = "h1", "" })},
		{"served in the end", "unexplained", "message A is deleted, and asked for its file f1", change(0, row("f1"), func(r *Record) { r.Content, r.Code = "h1", "" })},
		{"lost before it was sent", "lost", "file f2 cannot be fetched in the end", change(0, row("f2"), func(r *Record) { r.Content, r.Code = "", "not_found" })},
		{"other bytes in the end", "lost", "of file f2 other bytes", change(0, row("f2"), func(r *Record) { r.Content = "h1" })},
		{"an id twice", "repeated", "file f1 was uploaded twice", change(1, isKind(Uploaded), func(r *Record) { r.File = "f1" })},
		{"a refusal without reason", "unexplained", "op b was refused with \"invalid_attachment\"", change(1, isKind(Send), func(r *Record) { r.Files = []string{"f2"} })},
		{"a refused upload", "unexplained", "an upload was refused with \"attachment_type\"", change(0, isKind(Unstored), func(r *Record) { r.Code = "attachment_type" })},
		{"another file", "unexplained", "mentions or carries \"f2\"", all(func(r *Record) bool { return r.Kind == Told && r.Extra != "" }, func(r *Record) { r.Extra = "f2" })},
		{"a tombstone with a file", "unexplained", "shows to client", all(func(r *Record) bool { return r.Deleted != "" }, func(r *Record) { r.Extra = "f1" })},
		{"rows and bytes", "lost", "files: no bytes: f1", before(func(r *Record) bool { return r.Kind == Listed && r.Way == RowsFiles }, Record{Kind: Row, Way: RowsFiles, Content: "no bytes: f1"})},
	} {
		rep := check(c.edit(t, files()))
		found := map[string]Finding{"lost": rep.Lost, "repeated": rep.Repeated, "unexplained": rep.Unexplained}[c.want]
		if !slices.ContainsFunc(found.First, func(text string) bool { return strings.Contains(text, c.text) }) {
			t.Errorf("%s: want %q in %+v", c.name, c.text, rep)
		}
	}
}

// TestTwoMessagesWithOneFileAreFound: whoever took it first has it.
func TestTwoMessagesWithOneFileAreFound(t *testing.T) {
	h := files()
	at := find(t, h, 0, kind(Refused, "b"))
	b := Record{Op: "b", Message: "B", Content: Content("b", "again"), Extra: "f1", Seq: 12, Rev: 12}
	h = slices.Concat(h[:at], []Record{
		with(b, func(r *Record) { r.Kind, r.Client, r.Prev, r.Made = Told, 1, 11, 12 }), with(b, func(r *Record) { r.Kind, r.Client, r.Prev, r.Made = Told, 2, 11, 12 }),
		{Kind: Stays, Client: 1}, {Kind: Stays, Client: 2}, {Kind: End, Seq: 12},
	})
	if rep := check(h); !slices.ContainsFunc(rep.Repeated.First, func(text string) bool { return strings.Contains(text, "file f1 is in message A, and in message B") }) {
		t.Errorf("%+v", rep)
	}
}

func with(r Record, change func(*Record)) Record {
	change(&r)
	return r
}
