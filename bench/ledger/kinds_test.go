package ledger

import (
	"slices"
	"strings"
	"testing"
)

const hidden = "This message was deleted"

// kinds is the faithful history and what members of both versions do then: client 1 pins B
// (15), deletes A (16), which B answers, and takes the pin away (17); client 3 speaks version 2 and
// has acks and patches; it marks.
func kinds() []Record {
	h := replies(faithful())
	at := slices.IndexFunc(h, func(r Record) bool { return r.Kind == Stays })
	b := func(r Record, rev int64, pinned string) Record {
		r.Op, r.Message, r.Content, r.Reply, r.QuoteBy = "b", "B", Content("b", "bye"), "A", "user@example.com"
		r.Form, r.Sender, r.Email, r.Created, r.Updated = "text", "user", "user@example.com", "when B was made", "at 12"
		if r.Pinned = pinned; pinned != "" {
			r.PinnedBy = "u3"
		}
		if r.Kind == Told {
			r.Made, r.Seq, r.Prev, r.Rev, r.Change = 12, rev, rev-1, rev, "pin"
			if r.Type = "message_edited"; r.Client == 3 {
				r.Type, r.Version = "message_patch", 2
			}
		} else {
			r.Seq, r.Rev = 12, rev
		}
		if r.Quote = hidden; rev == 15 {
			r.Quote = Content("e2", "hullo")
		}
		return r
	}
	a := func(r Record) Record {
		r.Op, r.Message, r.Content, r.Deleted, r.DeletedBy = "a", "A", hidden, "at 16", "sender"
		r.Form, r.Sender, r.Email, r.Created, r.Updated, r.Edited = "text", "user", "user@example.com", "when A was made", "at 16", true
		if r.Kind == Told {
			r.Made, r.Seq, r.Prev, r.Rev, r.Change, r.Type = 11, 16, 15, 16, "deleted", "message_edited"
		} else {
			r.Seq, r.Rev = 11, 16
		}
		return r
	}
	more := []Record{
		{Kind: Pin, Client: 3, Op: "p1", Message: "B", On: true, Sender: "u3"},
		b(Record{Kind: Told, Client: 1}, 15, "at 15"), b(Record{Kind: Told, Client: 2}, 15, "at 15"), b(Record{Kind: Told, Client: 3}, 15, "at 15"),
		{Kind: Granted, Client: 3, Op: "p1", Version: 2},
		{Kind: Delete, Client: 3, Op: "d1", Message: "A", Sender: "user"}, {Kind: Resend, Client: 3, Op: "d1"},
		a(Record{Kind: Told, Client: 1}), a(Record{Kind: Told, Client: 2}), a(Record{Kind: Told, Client: 3}),
		{Kind: Granted, Client: 3, Op: "d1", Version: 2}, {Kind: Granted, Client: 3, Op: "d1", Version: 2},
		{Kind: Edit, Client: 1, Op: "e7", Message: "A", Content: Content("e7", "too late")}, {Kind: Refused, Client: 1, Op: "e7", Code: "not_found"},
		{Kind: Pin, Client: 1, Op: "p2", Message: "B", Sender: "user"},
		b(Record{Kind: Told, Client: 1}, 17, ""), b(Record{Kind: Told, Client: 2}, 17, ""), b(Record{Kind: Told, Client: 3}, 17, ""),
		{Kind: Mark, Client: 3, Op: "m1", Seq: 17}, {Kind: Granted, Client: 3, Op: "m1", Version: 2},
		{Kind: Joined, Client: 3, Since: -1, Prev: -1, Seq: 17}, a(Record{Kind: Shown, Client: 3, Since: -1}), b(Record{Kind: Shown, Client: 3, Since: -1}, 17, ""),
		{Kind: Own, Client: 3, Seq: 17},
	}
	h = slices.Insert(h, at, more...)
	h = slices.DeleteFunc(h, func(r Record) bool { return r.Kind == Read || r.Kind == End })
	return append(h, Record{Kind: End, Seq: 17},
		a(Record{Kind: Read, Way: WaySince}), b(Record{Kind: Read, Way: WaySince}, 17, ""),
		a(Record{Kind: Read, Way: WayAfter}), b(Record{Kind: Read, Way: WayAfter}, 17, ""))
}

func TestMembersMayDeletePinAndMark(t *testing.T) {
	if rep := check(kinds()); !rep.Clean || rep.Changes != 3 || rep.Marks != 1 {
		t.Errorf("%+v", rep)
	}
}

// seen finds the records of a client that tell of a message at a number.
func seen(client int, message string, rev int64) func(*Record) bool {
	return func(r *Record) bool { return r.Client == client && r.Message == message && r.Rev == rev }
}

// all changes all the records that are meant.
func all(is func(*Record) bool, to func(*Record)) edit {
	return func(_ *testing.T, h []Record) []Record {
		for i := range h {
			if is(&h[i]) {
				to(&h[i])
			}
		}
		return h
	}
}

func TestWrongChangesAreFound(t *testing.T) {
	hello := Content("e2", "hullo")
	for _, c := range []struct {
		name string
		edit edit
		want string
		text string
		more bool // follows from it
	}{
		{"a pin is acknowledged and lost", both(without(func(r *Record) bool { return r.Op == "p2" }),
			all(func(r *Record) bool { return r.Message == "B" && r.Rev == 15 }, func(r *Record) { r.Pinned, r.PinnedBy, r.Change = "", "", "" })),
			"lost", "op p1 was acknowledged", true},
		{"a pin is forgotten later", without(func(r *Record) bool { return r.Kind == Pin && r.Op == "p2" }), "unexplained", "pin taken away, at 17, and nobody asked for it", true},
		{"somebody else pinned it", all(func(r *Record) bool { return r.Message == "B" && r.Rev == 15 }, func(r *Record) { r.PinnedBy = "u4" }), "unexplained", "nobody asked for it", false},
		{"a delete is acknowledged and has no effect", all(func(r *Record) bool { return r.Message == "A" && r.Rev == 16 }, func(r *Record) {
			r.Deleted, r.DeletedBy, r.Content, r.Change = "", "", hello, ""
		}), "lost", "op d1 was acknowledged, and message A is not deleted", true},
		{"nobody asked for a deletion", without(func(r *Record) bool { return r.Op == "d1" }), "unexplained", "message A was deleted as by a sender at 16, and nobody asked for it", false},
		{"a deleted text reappears", both(
			before(of(Stays, 1), Record{Kind: Told, Client: 1, Op: "a", Message: "A", Seq: 18, Prev: 17, Made: 11, Content: hello},
				Record{Kind: Told, Client: 2, Op: "a", Message: "A", Seq: 18, Prev: 17, Made: 11, Content: hello},
				Record{Kind: Told, Client: 3, Op: "a", Message: "A", Seq: 18, Prev: 17, Made: 11, Content: hello}),
			all(isKind(End), func(r *Record) { r.Seq = 18 }),
			all(func(r *Record) bool { return r.Kind == Read && r.Message == "A" }, func(r *Record) {
				r.Rev, r.Content, r.Deleted, r.DeletedBy, r.Updated = 18, hello, "", "", "at 18"
			}),
			func(_ *testing.T, h []Record) []Record { // by since, A is last now
				for i := range h {
					if h[i].Kind == Read && h[i].Way == WaySince && h[i].Message == "A" {
						h[i], h[i+1] = h[i+1], h[i]
						break
					}
				}
				return h
			}), "unexplained", "message A was deleted at 16, and says something again at 18", false},
		{"a deleted text is left in the tombstone", all(func(r *Record) bool { return r.Message == "A" && r.Rev == 16 }, func(r *Record) { r.Content = hello }), "unexplained", "what no tombstone says", true},
		{"a deleted text is left in a quote", all(func(r *Record) bool { return r.Kind == Read && r.Message == "B" }, func(r *Record) { r.Quote = hello }), "unexplained", "message B quoted A to client 0 as of 14; it had been changed at 16", false},
		{"and in a history", change(0, func(r *Record) bool { return r.Kind == Shown && r.Message == "B" && r.Rev == 17 }, func(r *Record) { r.Quote = hello }), "unexplained", "quoted A to client 3 as of 14", false},
		{"mentions are left in a tombstone", all(func(r *Record) bool { return r.Deleted != "" }, func(r *Record) { r.Extra = "[u1]" }), "unexplained", "a pin, mentions or data", false},
		{"mentions come out of nothing", all(func(r *Record) bool { return r.Message == "B" && r.Rev == 17 }, func(r *Record) { r.Extra = "[u1]" }), "unexplained", "mentions or carries", false},
		{"an edit after a delete", both(all(kind(Refused, "e7"), func(r *Record) { *r = Record{Kind: Granted, Client: 1, Op: "e7"} })), "lost", "edit e7 was acknowledged, and has no effect", false},
		{"a deletion takes a second number", both(
			before(of(Stays, 1), Record{Kind: Resend, Client: 3, Op: "d1"}),
			func(_ *testing.T, h []Record) []Record {
				at := slices.IndexFunc(h, func(r Record) bool { return r.Kind == Stays })
				for client := 3; client > 0; client-- {
					again := h[slices.IndexFunc(h, func(r Record) bool { return r.Kind == Told && r.Client == client && r.Seq == 16 })]
					again.Seq, again.Prev, again.Rev = 18, 17, 18
					h = slices.Insert(h, at, again)
				}
				return h
			},
			all(isKind(End), func(r *Record) { r.Seq = 18 }),
			all(func(r *Record) bool { return r.Kind == Read && r.Message == "A" }, func(r *Record) { r.Rev = 18 }),
		), "unexplained", "event 18 of message A changed nothing", false},
		{"a patch says something else than the whole message", change(0, seen(3, "B", 15), func(r *Record) { r.Pinned = "later" }), "unexplained", "message B said something else to client 3 at 15", false},
		{"a member of version 1 is told a patch", change(0, seen(2, "B", 15), func(r *Record) { r.Type = "message_patch" }), "unexplained", "came as message_patch and not as message_edited", false},
		{"a frame says another change", all(told(2, 15), func(r *Record) { r.Change = "content" }), "unexplained", `changed "content" for client 2, and "pin" for others`, false},
		{"all say another change", all(func(r *Record) bool { return r.Kind == Told && r.Seq == 15 }, func(r *Record) { r.Change = "content" }), "unexplained", `told as a change of "content"`, false},
		{"two changes in one number", all(func(r *Record) bool { return r.Message == "B" && r.Rev == 15 }, func(r *Record) { r.Summary = "one" }), "unexplained", "event 15 of message B changed more than one thing", false},
		{"an ack does not come", change(0, kind(Granted, "p1"), func(r *Record) { r.Kind = Silent }), "unexplained", "client 3: op p1 was never answered", false},
		{"a pin is refused for no reason", change(0, kind(Granted, "p1"), func(r *Record) { r.Kind, r.Code = Refused, "too_many_pins" }), "unexplained", "for which there is no reason", true},
		{"a patch out of order", func(t *testing.T, h []Record) []Record {
			i, j := find(t, h, 0, told(3, 15)), find(t, h, 0, told(3, 16))
			h[i], h[j] = h[j], h[i]
			return h
		}, "reordered", "client 3: event 15 came after 16", true},
		{"a mark goes back", all(isKind(Own), func(r *Record) { r.Seq = 16 }), "lost", "client 3: its mark was at 17, and is told at 16", false},
		{"a mark runs ahead", all(isKind(Own), func(r *Record) { r.Seq = 18 }), "unexplained", "its mark is told at 18", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !c.more {
				finds(t, c.edit(t, kinds()), c.want, c.text)
				return
			}
			rep := check(c.edit(t, kinds()))
			if found := slices.Concat(rep.Lost.First, rep.Reordered.First, rep.Unexplained.First); !slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, c.text) }) {
				t.Errorf("%q is not in %q", c.text, found)
			}
		})
	}
}

// What a faithful server may do, and looks like one of the above.
func TestOddChangesAreClean(t *testing.T) {
	for _, c := range []struct {
		name string
		edit edit
	}{
		{"an edit and a delete cross, and the editor hears of the tombstone only", both(
			before(kind(Delete, "d1"), Record{Kind: Edit, Client: 1, Op: "e6", Message: "A", Content: Content("e6", "x")}),
			func(t *testing.T, h []Record) []Record { // the edit took 16: told as the delete, 17 by then, left the message
				var out []Record
				for _, r := range h {
					late := r.Kind != Begin && r.Kind != Send && r.Kind != Edit
					if late && r.Message == "B" && r.Rev == 17 {
						r.Rev = 18
						if r.Kind == Told {
							r.Seq, r.Prev = 18, 17
						}
					}
					if r.Message == "A" && r.Rev == 16 {
						if r.Kind == Told {
							edited := r
							edited.Rev, edited.Change, edited.Updated, edited.Deleted = 17, "", "at 17", "at 17"
							out = append(out, edited)
							r.Seq, r.Prev = 17, 16
						}
						r.Rev, r.Updated, r.Deleted = 17, "at 17", "at 17"
					}
					if r.Kind == End || (r.Kind == Joined && r.Seq == 17) {
						r.Seq = 18
					}
					out = append(out, r)
				}
				return out
			},
			before(of(Stays, 1), Record{Kind: Silent, Client: 1, Op: "e6"}),
		)},
		{"an edit is sent again, and takes a second number in the same microsecond", both(
			before(kind(Edit, "e2"), Record{Kind: Resend, Client: 1, Op: "e1"}),
			func(_ *testing.T, h []Record) []Record {
				for i := range h {
					if h[i].Kind == Edit && h[i].Op == "e2" {
						h[i].Op, h[i].Content = "e0", Content("e0", "superseded before it went out")
					}
					if h[i].Message == "A" && h[i].Rev == 14 {
						h[i].Content, h[i].Updated = Content("e1", "hallo"), "at 13"
					}
					if h[i].Quote == Content("e2", "hullo") {
						h[i].Quote = Content("e1", "hallo")
					}
				}
				return h
			},
		)},
		{"a reply is listed before the first tombstone", repliedBefore(hidden)},
		{"a deletion is sent again, and takes no number", before(of(Stays, 1), Record{Kind: Resend, Client: 3, Op: "d1"}, Record{Kind: Granted, Client: 3, Op: "d1", Version: 2})},
		{"a patch is of a message that the member does not have", all(told(3, 17), func(r *Record) {
			*r = Record{Kind: Told, Client: 3, Message: "B", Type: r.Type, Version: 2, Seq: 17, Prev: 16, Rev: 17, Change: "pin", Bare: true}
		})},
		{"a member of version 1 gets no answer to its pin", before(of(Stays, 1), Record{Kind: Pin, Client: 1, Op: "p3", Message: "B", On: true, Sender: "user"}, Record{Kind: Pin, Client: 1, Op: "p4", Message: "B", Sender: "user"})},
		{"a reply is refused, as what it answers was deleted", before(of(Stays, 1), Record{Kind: Send, Client: 1, Op: "x", Content: Content("x", "re"), Form: "text", Sender: "user", Reply: "A"}, Record{Kind: Refused, Client: 1, Op: "x", Code: "invalid_reply"})},
		{"a server that caught up tells the pin with the whole message", all(told(3, 15), func(r *Record) { r.Type, r.Change = "message_edited", "" })},
		{"a mark is said again, and an earlier one", before(kind(Own, ""), Record{Kind: Mark, Client: 3, Op: "m2", Seq: 12}, Record{Kind: Granted, Client: 3, Op: "m2", Version: 2})},
	} {
		t.Run(c.name, func(t *testing.T) {
			if rep := check(c.edit(t, kinds())); !rep.Clean {
				t.Errorf("lost %v, repeated %v, reordered %v, unexplained %v", rep.Lost.First, rep.Repeated.First, rep.Reordered.First, rep.Unexplained.First)
			}
		})
	}
}

// repliedBefore has B shown with a quote of A, which is deleted, before anybody sees that.
func repliedBefore(quote string) edit {
	return func(t *testing.T, h []Record) []Record {
		b := h[find(t, h, 0, told(1, 15))]
		b.Kind, b.Way, b.About, b.Quote = Seen, WayReplies, "A", quote
		b.Seq, b.Rev, b.Made, b.Prev, b.Change, b.Type = 12, 15, 0, 0, "", ""
		return before(told(1, 16), b)(t, h)
	}
}

func TestAQuoteBeforeTheFirstTombstoneSaysTheSame(t *testing.T) {
	rep := check(repliedBefore("gone")(t, kinds()))
	if got := strings.Join(rep.Unexplained.First, "\n"); !strings.Contains(got, `quoted with "gone", and no tombstone says that`) {
		t.Error(got)
	}
}
