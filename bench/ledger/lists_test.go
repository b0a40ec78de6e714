package ledger

import (
	"slices"
	"testing"
)

// listed is the history of reacted, where u1 has chosen 👍 and perhaps u3, with what all lists
// and tables have in the end. B answers A, and is pinned; it mentions u1 and everybody.
func listed() []Record {
	h := reacted(`{"reactions":[{"emoji":"👍","count":1,"by":["u1"]}],"reply_count":1}`)
	for i := range h {
		r := &h[i]
		if r.Op == "b" {
			r.Extra = "[u1] true"
			if r.Kind == Send {
				r.To, r.On, r.Sender = []string{"u1", Everybody}, true, "user"
			}
		}
	}
	at := slices.IndexFunc(h, func(r Record) bool { return r.Kind == Stays })
	pinned := h[slices.IndexFunc(h, func(r Record) bool { return r.Kind == Told && r.Op == "b" })]
	pinned.Seq, pinned.Prev, pinned.Rev, pinned.Type, pinned.Change, pinned.Pinned, pinned.PinnedBy = 4, 3, 4, "message_edited", "pin", "2026-01-02T00:00:00Z", "u1"
	h = slices.Insert(h, at, Record{Kind: Pin, Client: 1, Op: "p", Message: "B", Sender: "u1", On: true, Way: WayREST}, pinned)
	h = slices.Insert(h, 0, Record{Kind: Role, Sender: "user", Code: "organizer", To: everything})
	var end []Record
	for _, r := range h {
		if (r.Kind == Read && r.Op == "b") || r.Kind == End {
			if r.Kind == End {
				r.Seq = 4
			} else {
				r.Rev, r.Pinned, r.PinnedBy = 4, pinned.Pinned, "u1"
			}
		}
		end = append(end, r)
	}
	i := slices.IndexFunc(end, func(r Record) bool { return r.Kind == Read }) // by since, B is last now
	end[i], end[i+1] = end[i+1], end[i]
	row := func(way string, r Record) Record {
		r.Kind, r.Way, r.Form = Row, way, "-"
		return r
	}
	list := func(r Record) Record {
		r.Kind = Listed
		return r
	}
	return append(end,
		row(WayPins, Record{Message: "B", Pinned: pinned.Pinned}), list(Record{Way: WayPins}),
		row(WayReplies, Record{Message: "B", About: "A"}), list(Record{Way: WayReplies, About: "A"}),
		row(WayWho, Record{Sender: "u1", Content: "👍"}), list(Record{Way: WayWho, About: "A"}),
		row(WayMine, Record{Message: "A", Sender: "u1", Content: "👍"}), list(Record{Way: WayMine, Sender: "u1"}),
		row(RowsReactions, Record{Message: "A", Sender: "u1", Content: "👍"}), list(Record{Way: RowsReactions}),
		row(RowsPins, Record{Message: "B"}), list(Record{Way: RowsPins}),
		row(RowsMentions, Record{Seq: 2, Sender: "u1"}), row(RowsMentions, Record{Seq: 2, Sender: Everybody}), list(Record{Way: RowsMentions}),
		list(Record{Way: RowsDue}),
		row(RowsTexts, Record{Op: "a", Type: "chat_messages"}), row(RowsTexts, Record{Op: "b", Type: "chat_messages"}), list(Record{Way: RowsTexts}))
}

func TestListsAreWhatMembersSee(t *testing.T) {
	if rep := check(listed()); !rep.Clean || rep.Rows != 10 {
		t.Errorf("%+v", rep)
	}
}

func rowOf(way string) func(*Record) bool {
	return func(r *Record) bool { return r.Kind == Row && r.Way == way }
}

func listOf(way string) func(*Record) bool {
	return func(r *Record) bool { return r.Kind == Listed && r.Way == way }
}

func rowsMore(way string, r Record) edit {
	r.Kind, r.Way, r.Form = Row, way, "-"
	return before(listOf(way), r)
}

// deletesB lets the sender of B delete it at last; nothing of it is left in a list.
var deletesB = both(
	func(_ *testing.T, h []Record) []Record {
		at := slices.IndexFunc(h, func(r Record) bool { return r.Kind == Stays })
		gone := h[slices.IndexFunc(h, func(r Record) bool { return r.Kind == Told && r.Seq == 4 })]
		bury := func(r Record) Record {
			r.Content, r.Extra, r.Pinned, r.PinnedBy, r.Deleted, r.DeletedBy, r.Updated = hidden, "", "", "", "at 5", "sender", "at 5"
			return r
		}
		gone = bury(gone)
		gone.Seq, gone.Prev, gone.Rev, gone.Change = 5, 4, 5, "deleted"
		for i := range h {
			switch r := &h[i]; {
			case r.Kind == End:
				r.Seq = 6
			case r.Kind == Read && r.Op == "b":
				*r = bury(*r)
				r.Rev = 5
			case r.Kind == Read && r.Op == "a":
				r.Rev, r.Summary = 6, `{"reactions":[{"emoji":"👍","count":1,"by":["u1"]}],"reply_count":0}`
			}
		}
		less := h[slices.IndexFunc(h, func(r Record) bool { return r.Kind == Told && r.Seq == 3 })]
		less.Seq, less.Prev, less.Rev, less.Summary = 6, 5, 6, `{"reactions":[{"emoji":"👍","count":1,"by":["u1"]}],"reply_count":0}`
		h = slices.Insert(h, at, Record{Kind: Delete, Client: 1, Op: "d", Message: "B", Sender: "user"}, gone, less)
		i := slices.IndexFunc(h, func(r Record) bool { return r.Kind == Read })
		h[i], h[i+1] = h[i+1], h[i]
		return h
	},
	without(func(r *Record) bool {
		return r.Kind == Row && (r.Way == WayPins || r.Way == RowsPins || r.Way == RowsMentions || (r.Way == RowsTexts && r.Op == "b"))
	}),
)

func TestWrongListsAreFound(t *testing.T) {
	for _, c := range []struct {
		name string
		edit edit
		want string
		text string
	}{
		{"a pin is missing in the list", drop(0, rowOf(WayPins)), "lost", "message B is pinned in the end, and is not by pins"},
		{"and in the table", drop(0, rowOf(RowsPins)), "lost", "message B is pinned in the end, and is not by pinned messages"},
		{"a list has what is not pinned", rowsMore(WayPins, Record{Message: "A", Pinned: "2026-01-01T00:00:00Z"}), "unexplained", "message A is not pinned in the end, and is by pins"},
		{"the latest pin is not the first", both(rowsMore(WayPins, Record{Message: "B", Pinned: "2026-01-03T00:00:00Z"})), "reordered", "of its pins, B of 2026-01-02"},
		{"an answer is missing", drop(0, rowOf(WayReplies)), "lost", "message B answers A, and is not listed"},
		{"an answer to something else", rowsMore(WayReplies, Record{Message: "A", About: "A"}), "unexplained", "message A is listed among the answers to A"},
		{"an answer comes twice", rowsMore(WayReplies, Record{Message: "B", About: "A"}), "unexplained", "message B is listed among the answers to A"},
		{"who has reacted is missing", drop(0, rowOf(WayWho)), "lost", "u1 has chosen 👍, and that is not in who"},
		{"who has not reacted is listed", rowsMore(WayWho, Record{Sender: "u2", Content: "👍"}), "unexplained", "u2 has 👍 by who, and has not chosen it"},
		{"an own reaction is not known", drop(0, rowOf(WayMine)), "lost", "does not say to u1 that 👍 is an own reaction"},
		{"another's is said to be one's own", both(change(0, rowOf(WayMine), func(r *Record) { r.Sender = "u2" }), change(0, listOf(WayMine), func(r *Record) { r.Sender = "u2" })),
			"unexplained", "says to u2 that 👍 is an own reaction"},
		{"a count is not that of the rows", rowsMore(RowsReactions, Record{Message: "A", Sender: "u3", Content: "👍"}), "lost", "says that 1 have chosen 👍, and there are 2 rows"},
		{"a mention is missing", drop(0, rowOf(RowsMentions)), "lost", "message B mentions u1, and that is not in chat_mentions"},
		{"everybody is not mentioned", drop(1, rowOf(RowsMentions)), "lost", "message B mentions 00000000-"},
		{"somebody is mentioned by nothing", rowsMore(RowsMentions, Record{Seq: 2, Sender: "u2"}), "unexplained", "u2 is mentioned at 2 by chat_mentions"},
		{"a summary is due in the end", rowsMore(RowsDue, Record{Message: "A"}), "lost", "a summary of message A is due in the end"},
		{"a deleted text is in a table", both(deletesB, rowsMore(RowsTexts, Record{Op: "b", Type: "chat_events"})), "unexplained", "message B is deleted, and chat_events has what op b said"},
		{"a deleted message is mentioned", both(deletesB, rowsMore(RowsMentions, Record{Seq: 2, Sender: "u1"})), "unexplained", "u1 is mentioned at 2 by chat_mentions"},
		{"a deleted message is pinned", both(deletesB, rowsMore(RowsPins, Record{Message: "B"})), "unexplained", "message B is not pinned in the end, and is by pinned messages"},
		{"a deleted message has reactions", both(deletesB, rowsMore(RowsReactions, Record{Message: "B", Sender: "u1", Content: "👍"})), "unexplained", "message B is deleted, and has 1 reactions left by chat_reactions"},
		{"a list of another kind", add(Record{Kind: Listed, Way: "x"}), "unexplained", `a list of the unknown way "x"`},
		{"a page of pins has what is none", before(of(Stays, 1), Record{Kind: Seen, Client: 1, Way: WayPins, Op: "a", Message: "A", Seq: 1, Rev: 1, Content: Content("a", "hello"),
			Form: "text", Sender: "user", Email: "user@example.com", Created: "when a", Updated: "at a"}), "unexplained", "message A is listed as pinned, and says at 1 that it is not"},
		{"a page of answers has what is none", before(of(Stays, 1), Record{Kind: Seen, Client: 1, Way: WayReplies, About: "B", Op: "a", Message: "A", Seq: 1, Rev: 1, Content: Content("a", "hello"),
			Form: "text", Sender: "user", Email: "user@example.com", Created: "when a", Updated: "at a"}), "unexplained", "message A is listed as an answer to B"},
		{"who never reacted is listed", before(of(Stays, 1), Record{Kind: Chosen, Client: 1, Message: "A", Sender: "u1", Content: "❤"}), "unexplained", "u1 has chosen ❤ for message A, which nobody asked for"},
		{"a reaction over REST is not there then", change(0, kind(Granted, "r0"), func(r *Record) { r.Way = WayREST }), "unexplained", "op r0 was acknowledged, on is true, and its sender has chosen [] then"},
		{"an answer over REST is not pinned", before(of(Stays, 1), Record{Kind: Acked, Client: 1, Op: "p", Message: "B", Seq: 2, Rev: 2, Content: Content("b", "bye"), Extra: "[u1] true",
			Form: "text", Sender: "user", Email: "user@example.com", Created: "when b", Updated: "at b", Reply: "A", Quote: Content("a", "hello"), QuoteBy: "user@example.com", Way: WayREST}),
			"unexplained", "op p was acknowledged with what it did not ask for"},
	} {
		t.Run(c.name, func(t *testing.T) { finds(t, c.edit(t, listed()), c.want, c.text) })
	}
}

// What a faithful server may do, and looks like one of the above.
func TestOddListsAreClean(t *testing.T) {
	for _, c := range []struct {
		name string
		edit edit
	}{
		{"a cut reaction came in", both(
			all(func(r *Record) bool { return r.Message == "A" && r.Rev == 3 }, func(r *Record) {
				r.Summary = `{"reactions":[{"emoji":"👍","count":2,"by":["u1","u3"]}],"reply_count":1}`
			}),
			rowsMore(WayWho, Record{Sender: "u3", Content: "👍"}), rowsMore(RowsReactions, Record{Message: "A", Sender: "u3", Content: "👍"}))},
		{"nothing is left of a deleted message", deletesB},
		{"rows of messages that are not the fleet's", both(
			rowsMore(RowsReactions, Record{Message: "X", Sender: "u1", Content: "👍"}), rowsMore(RowsPins, Record{Message: "X"}),
			rowsMore(RowsMentions, Record{Room: -1, Seq: 2, Sender: "u2"}), rowsMore(RowsDue, Record{Message: "X"}), rowsMore(RowsTexts, Record{Op: "z", Type: "chat_messages"}))},
		{"what an edit replaced is elsewhere", rowsMore(RowsTexts, Record{Op: "a", Type: "chat_search"})},
		{"who has taken a reaction away is listed late", before(of(Stays, 1), Record{Kind: Chosen, Client: 1, Message: "A", Sender: "u2", Content: "👍"})},
		{"a reaction over REST meets one that was cut", both(
			before(isKind(Stays), Record{Kind: React, Client: 1, Op: "r9", Message: "A", Content: "👍", Sender: "u3", Way: WayREST}, Record{Kind: Granted, Client: 1, Op: "r9", Way: WayREST, Mine: []string{"👍"}}))},
	} {
		t.Run(c.name, func(t *testing.T) {
			if rep := check(c.edit(t, listed())); !rep.Clean {
				t.Errorf("lost %v, repeated %v, reordered %v, unexplained %v", rep.Lost.First, rep.Repeated.First, rep.Reordered.First, rep.Unexplained.First)
			}
		})
	}
}
