package ledger

import (
	"slices"
	"testing"
)

// more is what follows the faithful history: B is edited, which is event 15, and
// all are told, after the records given.
func more(first ...Record) edit {
	content := Content("e3", "bye!")
	return func(t *testing.T, h []Record) []Record {
		first = append(first, Record{Kind: Edit, Client: 1, Op: "e3", Message: "B", Content: content})
		for client := 1; client <= 3; client++ {
			first = append(first, Record{Kind: Told, Client: client, Op: "b", Message: "B", Seq: 15, Prev: 14, Made: 12, Content: content})
		}
		h = before(isKind(Stays), first...)(t, h)
		for i := range h {
			switch {
			case h[i].Kind == End:
				h[i].Seq = 15
			case h[i].Kind == Read && h[i].Op == "b":
				h[i].Rev, h[i].Content = 15, content
			}
		}
		i, j := find(t, h, 0, isKind(Read)), find(t, h, 1, isKind(Read)) // B is last by since
		h[i], h[j] = h[j], h[i]
		return h
	}
}

func isKind(k Kind) func(*Record) bool { return func(r *Record) bool { return r.Kind == k } }

func joined(client int, since int64) func(*Record) bool {
	return func(r *Record) bool { return r.Kind == Joined && r.Client == client && r.Since == since }
}

// cutEdit is an edit of A whose connection ended before an answer came.
func cutEdit(op string) []Record {
	return []Record{{Kind: Edit, Client: 1, Op: op, Message: "A", Content: Content(op, "x")}, {Kind: Cut, Client: 1, Op: op}}
}

// leaveOut takes event 12 from client 2, who is told that 13 comes after 11.
var leaveOut = both(drop(0, told(2, 12)), change(0, told(2, 13), func(r *Record) { r.Prev = 11 }))

// burn lets edit e1 be superseded before anybody sees it: its number, 13, is seen
// by nobody, and all go on from 12.
var burn = both(
	func(_ *testing.T, h []Record) []Record {
		return slices.DeleteFunc(h, func(r Record) bool { return r.Kind == Told && r.Seq == 13 })
	},
	change(0, told(1, 14), func(r *Record) { r.Prev = 12 }),
	change(0, told(2, 14), func(r *Record) { r.Prev = 12 }),
)

// replies lets B answer A, and quote what A said at 11.
func replies(h []Record) []Record {
	for i := range h {
		r := &h[i]
		describe(r)
		if r.Op == "b" && r.Kind != Resend && r.Kind != Cut {
			r.Reply = "A"
			if r.Kind != Send {
				r.Quote, r.QuoteBy = Content("a", "hello"), "user@example.com"
			}
			if r.Kind == Read || (r.Kind == Shown && r.Client == 3) {
				r.Quote = Content("e2", "hullo") // by then A has been edited
			}
		}
	}
	return h
}

// unaware says that a client that never heard of B is told of its edit as of a new message.
func unaware(client int) edit {
	return change(0, told(client, 15), func(r *Record) {
		describe(r)
		r.Type = "chat_message"
	})
}

// described changes one record of a history in which B answers A.
func described(nth int, is func(*Record) bool, to func(*Record)) edit {
	return both(func(_ *testing.T, h []Record) []Record { return replies(h) }, change(nth, is, to))
}

// Each of these was once called clean.
func TestBlindSpotsAreClosed(t *testing.T) {
	b := Content("b", "bye")
	for _, c := range []struct {
		name string
		edit edit
		want string
		text string
	}{
		{"an edit gets no answer, and nothing superseded it", before(isKind(Stays),
			Record{Kind: Edit, Client: 1, Op: "e9", Message: "A", Content: Content("e9", "x")}, Record{Kind: Silent, Client: 1, Op: "e9"},
		), "unexplained", "client 1: op e9 was never answered"},
		{"a connection that tells nothing is left", both(
			func(_ *testing.T, h []Record) []Record {
				return slices.DeleteFunc(h, func(r Record) bool { return r.Kind == Told && r.Client == 2 })
			},
			before(isKind(Stays), Record{Kind: Due, Client: 2, Seq: 14}, Record{Kind: Joined, Client: 2, Since: 10, Seq: 14},
				Record{Kind: Shown, Client: 2, Since: 10, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
				Record{Kind: Shown, Client: 2, Since: 10, Op: "a", Message: "A", Seq: 11, Rev: 14, Content: Content("e2", "hullo")}),
		), "lost", "client 2: its connection lives, and told nothing of events 11 to 14"},
		{"an event is left out that was edited only later", both(leaveOut, more(), unaware(2)), "lost", "client 2: event 12 of message B is missing in what it was told"},
		{"a resume leaves a message out that was edited only later", both(
			drop(0, func(r *Record) bool { return r.Kind == Shown && r.Client == 3 && r.Message == "B" }), more(), unaware(3),
		), "lost", "client 3: event 12 of message B is missing in what it resumed with"},
		{"a page leaves a message out that was edited only later", both(
			before(isKind(Stays), Record{Kind: Joined, Client: 4, Since: -1, Seq: 10}, Record{Kind: Paged, Client: 4, Since: 10, Seq: 14},
				Record{Kind: Shown, Client: 4, Since: 10, Op: "a", Message: "A", Seq: 11, Rev: 14, Content: Content("e2", "hullo")},
				Record{Kind: Stays, Client: 4}),
			more(),
			before(isKind(Stays), Record{Kind: Told, Client: 4, Op: "b", Message: "B", Seq: 15, Prev: 14, Made: 12, Content: Content("e3", "bye!")}),
			unaware(4),
		), "lost", "client 4: event 12 of message B is missing"},
		{"pages end before live events begin", before(isKind(Stays),
			Record{Kind: Joined, Client: 4, Since: 10, Seq: 12, More: true},
			Record{Kind: Shown, Client: 4, Since: 10, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
			Record{Kind: Told, Client: 4, Op: "a", Message: "A", Seq: 14, Prev: 13, Made: 11, Content: Content("e2", "hullo")},
			Record{Kind: Paged, Client: 4, Since: 12, Seq: 12}, Record{Kind: Stays, Client: 4},
		), "lost", "client 4: its pages end at 12, and live events went on after 13"},
		{"a number is burnt that no edit can have taken", both(
			before(isKind(Stays), cutEdit("e9")...),
			change(0, isKind(End), func(r *Record) { r.Seq = 15 }),
		), "unexplained", "1 numbers, the first is 15"},
		{"a number is burnt before the edit went out", both(burn,
			func(_ *testing.T, h []Record) []Record { return slices.DeleteFunc(h, kindIs(Edit, "e1")) },
			before(told(2, 14), cutEdit("e9")...),
		), "unexplained", "1 numbers, the first is 13"},
		{"two numbers are burnt, and one edit was cut", both(burn, more(cutEdit("e9")...), change(0, isKind(End), func(r *Record) { r.Seq = 16 })),
			"unexplained", "1 numbers, the first is 16"},
		{"a member cannot get back in", func(t *testing.T, h []Record) []Record {
			i := find(t, h, 0, joined(3, 11))
			return slices.DeleteFunc(slices.Delete(h, i, i+3), func(r Record) bool { return r.Kind == Stays && r.Client == 3 })
		}, "unexplained", "client 3 was not connected at the end"},
		{"a member never gets in", add(Record{Kind: Away, Client: 4}), "unexplained", "client 4 was not connected at the end"},
		{"it is not settled in time", add(Record{Kind: Unsettled, Client: 2, Code: "it stands at 13, and its room at 14"}),
			"unexplained", "client 2: it stands at 13"},
		{"a first history is empty", before(isKind(Stays), Record{Kind: Joined, Client: 4, Since: -1, Seq: 14}, Record{Kind: Stays, Client: 4}),
			"lost", "message A is missing in its history"},
		{"a history lacks a message in its middle", before(isKind(Stays),
			Record{Kind: Joined, Client: 4, Since: -1, Seq: 14},
			Record{Kind: Shown, Client: 4, Since: -1, Message: "old", Seq: 9, Rev: 10, Content: "before the run"},
			Record{Kind: Shown, Client: 4, Since: -1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
			Record{Kind: Stays, Client: 4},
		), "lost", "message A is missing in its history"},
		{"a history shows what a message had ceased to say", before(isKind(Stays),
			Record{Kind: Joined, Client: 4, Since: -1, Seq: 14},
			Record{Kind: Shown, Client: 4, Since: -1, Op: "a", Message: "A", Seq: 11, Rev: 13, Content: Content("e1", "hallo")},
			Record{Kind: Shown, Client: 4, Since: -1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
			Record{Kind: Stays, Client: 4},
		), "lost", "event 14 of message A is missing in its history"},
		{"a resume does not know what was acknowledged", before(told(2, 12),
			Record{Kind: Resend, Client: 1, Op: "b"},
			Record{Kind: Acked, Client: 1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
			Record{Kind: Joined, Client: 1, Since: 11, Seq: 11},
		), "lost", "client 1: the room stood at 12, and after reconnecting at 11"},
		{"a history does not know what was acknowledged", before(told(2, 12),
			Record{Kind: Resend, Client: 1, Op: "b"},
			Record{Kind: Acked, Client: 1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
			Record{Kind: Joined, Client: 1, Since: -1, Seq: 11},
			Record{Kind: Shown, Client: 1, Since: -1, Op: "a", Message: "A", Seq: 11, Rev: 11, Content: Content("a", "hello")},
		), "lost", "client 1 knew of event 12, and the room stood at 11"},
		{"a resume begins earlier than it was asked to", change(0, joined(3, 11), func(r *Record) { r.Prev = 10 }), "lost", "asked for what is beyond 11, and got what is beyond 10"},
		{"a new message is told as an edit", described(0, told(2, 12), func(r *Record) { r.Type = "message_edited" }), "unexplained", "came as message_edited and not as chat_message"},
		{"an edit is told as a new message", described(0, told(2, 14), func(r *Record) { r.Type = "chat_message" }), "unexplained", "came as chat_message and not as message_edited"},
		{"a message is told ahead with what it will never say", described(0, told(2, 13), func(r *Record) {
			r.Rev, r.Edited, r.Content = 14, true, Content("e2", "hallo")
		}), "unexplained", "says at 14 what no edit asked for"},
		{"a frame and its message differ in number", described(0, told(2, 13), func(r *Record) { r.Rev = 11 }), "unexplained", "event 13 tells a message at 11"},
		{"a message is by somebody else", described(0, kind(Send, "b"), func(r *Record) { r.Sender = "another" }), "unexplained", "message B is by user"},
		{"a file becomes a text", described(0, kind(Send, "b"), func(r *Record) { r.Form = "file" }), "unexplained", "op b was by user, file"},
		{"a message answers nothing any more", described(0, kind(Send, "b"), func(r *Record) { r.Reply = "old" }), "unexplained", `in answer to "old"`},
		{"a message changes its time", described(0, told(2, 13), func(r *Record) { r.Created = "later" }), "unexplained", "described to client 2 otherwise"},
		{"a message changes its client_id", described(1, func(r *Record) bool { return r.Kind == Read && r.Message == "B" }, func(r *Record) { r.Op = "" }), "unexplained", "otherwise than before"},
		{"an edit has another time for one", described(0, told(2, 14), func(r *Record) { r.Updated = "later" }), "unexplained", "said something else to client 2"},
		{"an edited message says that it is not", described(0, told(2, 14), func(r *Record) { r.Edited = false }), "unexplained", "is_edited is false"},
		{"a reply quotes somebody else", described(0, told(2, 12), func(r *Record) { r.QuoteBy = "x@example.com" }), "unexplained", `quotes A as by "x@example.com"`},
		{"a reply quotes what was never said", described(0, told(2, 12), func(r *Record) { r.Quote = Content("a", "hell") }), "unexplained", "with what it never said"},
		{"a reply quotes another message", described(0, told(2, 12), func(r *Record) { r.Quote = b }), "unexplained", "with what it never said"},
		{"a reply quotes what had been edited", described(0, func(r *Record) bool { return r.Kind == Shown && r.Client == 3 && r.Message == "B" }, func(r *Record) {
			r.Quote = Content("a", "hello")
		}), "unexplained", "quoted A to client 3 as of 11; it had been changed at 13"},
		{"a connection is ended by the server", add(Record{Kind: Ended, Client: 2, Code: "1011"}), "unexplained", "ended with 1011"},
		{"a client is closed as a slow consumer", add(Record{Kind: Ended, Client: 2, Code: "4008", Late: 90_000}), "unexplained", "did not read for up to 1m30s"},
		{"a connection breaks though its server lives", add(Record{Kind: Ended, Client: 2, Code: "1006", Why: "broken pipe", Alive: true}), "unexplained", "ended with 1006 (broken pipe)"},
		{"a message is refused for no reason", change(0, kind(Refused, "c"), func(r *Record) { r.Code = "not_found" }), "unexplained", `op c was refused with "not_found"`},
		{"a message is acknowledged with another one", change(0, kind(Acked, "b"), func(r *Record) {
			r.Message, r.Seq, r.Rev, r.Content = "A", 11, 11, Content("a", "hello")
		}), "unexplained", "op b was acknowledged with what it did not ask for, message A"},
	} {
		t.Run(c.name, func(t *testing.T) { finds(t, c.edit(t, faithful()), c.want, c.text) })
	}
}

// What a faithful server may do, and looks like one of the above.
func TestFaithfulHistoriesAreClean(t *testing.T) {
	b := Content("b", "bye")
	for _, c := range []struct {
		name string
		edit edit
	}{
		{"an event is left out that had been superseded", both(drop(0, told(2, 13)), change(0, told(2, 14), func(r *Record) { r.Prev = 12 }))},
		{"a number is burnt by an edit that another one superseded", burn},
		{"and that edit is met with silence", both(burn, before(isKind(Stays), Record{Kind: Silent, Client: 1, Op: "e1"}))},
		{"two edits are cut, and the later one took the number", both(burn, before(kind(Edit, "e1"), cutEdit("e0")...))},
		{"all is described", func(_ *testing.T, h []Record) []Record { return replies(h) }},
		{"a message is edited before a member hears of it", func(_ *testing.T, h []Record) []Record {
			h = slices.DeleteFunc(h, func(r Record) bool { return r.Kind == Told && r.Client == 2 && r.Seq < 14 && r.Message == "A" })
			i := slices.IndexFunc(h, func(r Record) bool { return told(2, 12)(&r) })
			h[i].Prev = 10
			// It hears late, from a server that had to catch up.
			late := h[i]
			h = slices.Delete(h, i, i+1)
			i = slices.IndexFunc(h, func(r Record) bool { return told(2, 14)(&r) })
			describe(&h[i])
			h[i].Prev, h[i].Type = 12, "chat_message"
			return slices.Insert(h, i, late)
		}},
		{"a server that caught up tells each number with the message as it is now", func(_ *testing.T, h []Record) []Record {
			var late []Record
			for _, r := range slices.Clone(h) {
				if r.Kind == Told && r.Client == 2 {
					if r.Message == "A" {
						r.Rev, r.Content = 14, Content("e2", "hullo")
					}
					late = append(late, r)
				}
			}
			h = slices.DeleteFunc(h, func(r Record) bool { return r.Kind == Told && r.Client == 2 })
			i := slices.IndexFunc(h, func(r Record) bool { return r.Kind == Stays })
			return slices.Insert(h, i, late...)
		}},
		{"a member comes back as a new one", before(isKind(Stays),
			Record{Kind: Joined, Client: 2, Since: -1, Seq: 14},
			Record{Kind: Shown, Client: 2, Since: -1, Op: "a", Message: "A", Seq: 11, Rev: 14, Content: Content("e2", "hullo")},
			Record{Kind: Shown, Client: 2, Since: -1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b})},
		{"a resume reads what nobody was told yet, and a history is from memory", before(told(2, 14),
			Record{Kind: Joined, Client: 3, Since: 11, Seq: 14},
			Record{Kind: Shown, Client: 3, Since: 11, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
			Record{Kind: Shown, Client: 3, Since: 11, Op: "a", Message: "A", Seq: 11, Rev: 14, Content: Content("e2", "hullo")},
			Record{Kind: Joined, Client: 3, Since: -1, Seq: 13},
			Record{Kind: Shown, Client: 3, Since: -1, Op: "a", Message: "A", Seq: 11, Rev: 13, Content: Content("e1", "hallo")},
			Record{Kind: Shown, Client: 3, Since: -1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
			Record{Kind: Told, Client: 3, Op: "a", Message: "A", Seq: 14, Prev: 13, Made: 11, Content: Content("e2", "hullo")})},
		{"one of several servers has not heard of the latest yet", both(
			change(0, isKind(Begin), func(r *Record) { r.Nodes = 3 }),
			before(isKind(Stays), Record{Kind: Joined, Client: 2, Since: -1, Seq: 13},
				Record{Kind: Shown, Client: 2, Since: -1, Op: "a", Message: "A", Seq: 11, Rev: 13, Content: Content("e1", "hallo")},
				Record{Kind: Shown, Client: 2, Since: -1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
				Record{Kind: Told, Client: 2, Op: "a", Message: "A", Seq: 14, Prev: 13, Made: 11, Content: Content("e2", "hullo")}))},
		{"a page leaves out what was superseded while more was to come", before(isKind(Stays),
			Record{Kind: Joined, Client: 4, Since: 10, Seq: 12, More: true},
			Record{Kind: Shown, Client: 4, Since: 10, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
			Record{Kind: Paged, Client: 4, Since: 12, Seq: 14},
			Record{Kind: Shown, Client: 4, Since: 12, Op: "a", Message: "A", Seq: 11, Rev: 14, Content: Content("e2", "hullo")},
			Record{Kind: Due, Client: 4, Seq: 14}, Record{Kind: Stays, Client: 4})},
		{"a page that was cut short leaves the client where it stands", before(told(2, 12),
			Record{Kind: Resend, Client: 1, Op: "b"},
			Record{Kind: Acked, Client: 1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
			Record{Kind: Paged, Client: 1, Since: 11, Seq: 11})},
		{"its server was stopped", add(Record{Kind: Ended, Client: 2, Code: "1012"}, Record{Kind: Ended, Client: 2, Code: "1006"})},
	} {
		t.Run(c.name, func(t *testing.T) {
			if rep := check(c.edit(t, faithful())); !rep.Clean {
				t.Errorf("lost %v, repeated %v, reordered %v, unexplained %v", rep.Lost.First, rep.Repeated.First, rep.Reordered.First, rep.Unexplained.First)
			}
		})
	}
}
