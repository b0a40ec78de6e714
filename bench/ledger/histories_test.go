package ledger

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// twoHistories is of a room that stood at 10 and of two servers. All see A, which
// is 11. Then a fail-over divides the room: server 1 goes on with the old primary and
// tells X as 12 to clients 1 and 2, server 2 tells B as 12 to client 3. Server 1 learns of
// the new primary, and tells its members to begin anew; they come back, and all see C.
func twoHistories() []Record {
	a, b, c, x := Content("a", "hello"), Content("b", "bye"), Content("c", "again"), Content("x", "lost")
	h := []Record{
		{Kind: Begin, Seq: 10, Nodes: 2},
		{Kind: Joined, Client: 1, Since: -1, Seq: 10, Node: 1},
		{Kind: Joined, Client: 2, Since: -1, Seq: 10, Node: 1},
		{Kind: Joined, Client: 3, Since: -1, Seq: 10, Node: 2},
		{Kind: Send, Client: 1, Op: "a", Content: a},
		{Kind: Told, Client: 1, Op: "a", Message: "A", Seq: 11, Prev: 10, Made: 11, Content: a, Node: 1},
		{Kind: Told, Client: 2, Op: "a", Message: "A", Seq: 11, Prev: 10, Made: 11, Content: a, Node: 1},
		{Kind: Told, Client: 3, Op: "a", Message: "A", Seq: 11, Prev: 10, Made: 11, Content: a, Node: 2},
		{Kind: Forked, Seq: 11, FailOver: 1},
		{Kind: Send, Client: 1, Op: "x", Content: x},
		{Kind: Send, Client: 3, Op: "b", Content: b},
		{Kind: Told, Client: 1, Op: "x", Message: "X", Seq: 12, Prev: 11, Made: 12, Content: x, Node: 1},
		{Kind: Told, Client: 2, Op: "x", Message: "X", Seq: 12, Prev: 11, Made: 12, Content: x, Node: 1},
		{Kind: Told, Client: 3, Op: "b", Message: "B", Seq: 12, Prev: 11, Made: 12, Content: b, Node: 2},
		{Kind: Anew, Client: 1, Node: 1, Alive: true},
		{Kind: Ended, Client: 1, Code: "1012", Alive: true},
		{Kind: Anew, Client: 2, Node: 1, Alive: true},
		{Kind: Ended, Client: 2, Code: "1012", Alive: true},
		{Kind: Undone, Seq: 12, Message: "X", Made: 12, FailOver: 1},
	}
	for client := 1; client <= 2; client++ {
		h = append(h, Record{Kind: Joined, Client: client, Since: -1, Seq: 12, Node: 1},
			Record{Kind: Shown, Client: client, Since: -1, Op: "a", Message: "A", Seq: 11, Rev: 11, Content: a, Node: 1},
			Record{Kind: Shown, Client: client, Since: -1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b, Node: 1})
	}
	h = append(h, Record{Kind: Send, Client: 2, Op: "c", Content: c})
	for client := 1; client <= 3; client++ {
		h = append(h, Record{Kind: Told, Client: client, Op: "c", Message: "C", Seq: 13, Prev: 12, Made: 13, Content: c, Node: 1})
	}
	h = append(h, Record{Kind: Stays, Client: 1}, Record{Kind: Stays, Client: 2}, Record{Kind: Stays, Client: 3},
		Record{Kind: Stands, Seq: 12, Message: "B", Made: 12}, Record{Kind: Stands, Seq: 13, Message: "C", Made: 13},
		Record{Kind: Noticed, Node: 1}, Record{Kind: End, Seq: 13})
	for _, way := range []string{WaySince, WayAfter} {
		h = append(h, Record{Kind: Read, Way: way, Op: "a", Message: "A", Seq: 11, Rev: 11, Content: a},
			Record{Kind: Read, Way: way, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
			Record{Kind: Read, Way: way, Op: "c", Message: "C", Seq: 13, Rev: 13, Content: c})
	}
	return h
}

func checkHistories(records []Record) *Report {
	h := NewHistories()
	for i := range records {
		describe(&records[i])
		if records[i].Kind.OfFailOvers() {
			h.Learn(&records[i])
		}
	}
	for i := range records {
		h.Apply(&records[i])
	}
	return h.Check()
}

func TestWhatAFailOverLostIsNoFaultWhereItIsTold(t *testing.T) {
	rep := checkHistories(twoHistories())
	if !rep.Clean || rep.FailOvers != 1 || rep.Undone != 1 || rep.UndoneFor != 1 || rep.Forfeited != 1 || rep.Anew != 2 || rep.Settled != 3 {
		t.Errorf("%+v", rep)
	}
}

// of finds the records of one client and kind.
func of(k Kind, client int) func(*Record) bool {
	return func(r *Record) bool { return r.Kind == k && r.Client == client }
}

// without leaves out all the records that are meant.
func without(is func(*Record) bool) edit {
	return func(_ *testing.T, h []Record) []Record {
		return slices.DeleteFunc(h, func(r Record) bool { return is(&r) })
	}
}

// unheard lets client 2 hear nothing of the loss, and stay where it is.
var unheard = both(without(func(r *Record) bool {
	return r.Client == 2 && (r.Kind == Anew || r.Kind == Ended || r.Kind == Shown || (r.Kind == Joined && r.Seq == 12))
}))

// returns has client 2 come back with the number of the event that was lost, say which
// it was or not, and get something.
func returns(last string, gets ...Record) edit {
	return both(unheard, without(told(2, 13)), before(of(Stays, 2), append([]Record{
		{Kind: Ended, Client: 2, Code: "1006"},
		{Kind: Joined, Client: 2, Since: 12, Last: last, Seq: 13, Node: 2},
	}, gets...)...))
}

var shownC = Record{Kind: Shown, Client: 2, Since: 12, Op: "c", Message: "C", Seq: 13, Rev: 13, Content: Content("c", "again"), Node: 2}

func TestWhatAFailOverLostIsNotLostInSilence(t *testing.T) {
	for _, c := range []struct {
		name string
		edit edit
		want string
		text string
	}{
		{"a member goes on without being told", unheard, "lost", "client 2 had seen event 12, which fail-over 1 lost, and went on at 13"},
		{"a member is never told", both(unheard, without(told(2, 13))), "lost", "client 2 has seen event 12, which fail-over 1 lost, and was never told so"},
		{"a member comes back, and is not told", returns("X", shownC), "lost", "client 2 had seen event 12, which fail-over 1 lost, and went on at 13"},
		{"a member is told what was lost after what took its place", before(told(3, 13),
			Record{Kind: Told, Client: 3, Op: "x", Message: "X", Seq: 12, Prev: 11, Made: 12, Content: Content("x", "lost"), Node: 2},
			Record{Kind: Anew, Client: 3, Node: 1, Alive: true}, Record{Kind: Joined, Client: 3, Since: -1, Seq: 12, Node: 2},
			Record{Kind: Shown, Client: 3, Since: -1, Op: "a", Message: "A", Seq: 11, Rev: 11, Content: Content("a", "hello"), Node: 2},
			Record{Kind: Shown, Client: 3, Since: -1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: Content("b", "bye"), Node: 2},
		), "lost", "client 3 was told event 12, which fail-over 1 lost, after what took its place"},
		{"a list shows both histories", before(told(1, 13),
			Record{Kind: Joined, Client: 1, Since: -1, Seq: 13, Node: 1},
			Record{Kind: Shown, Client: 1, Since: -1, Op: "x", Message: "X", Seq: 12, Rev: 12, Content: Content("x", "lost"), Node: 1},
			Record{Kind: Shown, Client: 1, Since: -1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: Content("b", "bye"), Node: 1},
			Record{Kind: Anew, Client: 1, Node: 1},
			Record{Kind: Joined, Client: 1, Since: -1, Seq: 12, Node: 1},
			Record{Kind: Shown, Client: 1, Since: -1, Op: "a", Message: "A", Seq: 11, Rev: 11, Content: Content("a", "hello"), Node: 1},
			Record{Kind: Shown, Client: 1, Since: -1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: Content("b", "bye"), Node: 1},
		), "lost", "client 1 was shown two histories of its room in one list that ends at 13"},
		{"a server tells what it must know to be old", before(told(2, 12), Record{Kind: Known, Node: 1, FailOver: 1}),
			"unexplained", "client 2: server 1 told event 12 of room 0, of the primary before fail-over 1"},
		{"a server acknowledges on what it must know to be old", before(of(Anew, 1), Record{Kind: Known, Node: 1, FailOver: 1},
			Record{Kind: Resend, Client: 1, Op: "x"},
			Record{Kind: Acked, Client: 1, Op: "x", Message: "X", Seq: 12, Rev: 12, Content: Content("x", "lost"), Node: 1},
		), "unexplained", "client 1: server 1 told event 12 of room 0, of the primary before fail-over 1"},
		{"what was told is on no server", both(without(isKind(Undone)), func(_ *testing.T, h []Record) []Record {
			return slices.DeleteFunc(h, func(r Record) bool { return r.Kind == Told && r.Client == 3 && r.Message == "B" })
		}), "", "message X of op x was seen, and is not there at the end"},
		{"the operator is not told", without(isKind(Noticed)), "unexplained", "server 1 told members of room 0 to begin anew, and did not tell its operator"},
		{"members are told, and nothing was lost", before(told(3, 13), Record{Kind: Begin, Room: 1, Seq: 0}, Record{Kind: End, Room: 1},
			Record{Kind: Joined, Room: 1, Client: 9, Since: -1, Node: 2}, Record{Kind: Anew, Room: 1, Client: 9, Node: 2},
			Record{Kind: Joined, Room: 1, Client: 9, Since: -1, Node: 2}, Record{Kind: Stays, Room: 1, Client: 9},
		), "unexplained", "client 9 was told to begin anew, and its room had lost nothing"},
		{"a connection is ended that nothing was lost on", before(told(3, 13), Record{Kind: Begin, Room: 1, Seq: 0}, Record{Kind: End, Room: 1},
			Record{Kind: Joined, Room: 1, Client: 9, Since: -1, Node: 2}, Record{Kind: Ended, Room: 1, Client: 9, Code: "1012", Alive: true},
			Record{Kind: Joined, Room: 1, Client: 9, Since: -1, Node: 2}, Record{Kind: Stays, Room: 1, Client: 9},
		), "unexplained", "client 9: its connection was ended with 1012"},
		{"an edit is refused for no reason", before(told(3, 13), Record{Kind: Edit, Client: 1, Op: "e", Message: "A", Content: Content("e", "x")},
			Record{Kind: Refused, Client: 1, Op: "e", Code: "not_found"}), "unexplained", `op e was refused with "not_found"`},
		{"a reply is refused for no reason", before(told(3, 13), Record{Kind: Send, Client: 1, Op: "r", Reply: "A", Content: Content("r", "x")},
			Record{Kind: Refused, Client: 1, Op: "r", Code: "invalid_reply"}), "unexplained", `op r was refused with "invalid_reply"`},
		{"a reply is refused by a server that must know what it answers", both(before(told(2, 13),
			Record{Kind: Known, Node: 1, FailOver: 1}, Record{Kind: Send, Client: 1, Op: "r", Reply: "B", Content: Content("r", "x")},
			Record{Kind: Refused, Client: 1, Op: "r", Code: "invalid_reply", Node: 1})), "unexplained", `op r was refused with "invalid_reply"`},
		{"an event of the history that stands is missing", without(told(3, 13)), "lost", "client 3 never saw event 13"},
		{"what stands is lost in the end", without(func(r *Record) bool { return r.Kind == Read && r.Op == "b" }), "lost", "message B of op b was seen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep := checkHistories(c.edit(t, twoHistories()))
			findings := map[string]Finding{"lost": rep.Lost, "repeated": rep.Repeated, "reordered": rep.Reordered, "unexplained": rep.Unexplained}
			found := findings[c.want]
			if c.want == "" { // of several sorts
				found.First = append(slices.Clone(rep.Lost.First), rep.Unexplained.First...)
			}
			if rep.Clean || !slices.ContainsFunc(found.First, func(s string) bool { return strings.Contains(s, c.text) }) {
				t.Fatalf("want %s: %q; got %+v", c.want, c.text, findings)
			}
			delete(findings, c.want)
			for sort, f := range findings {
				if f.Count > 0 && c.want != "" {
					t.Errorf("also %s: %v", sort, f.First)
				}
			}
		})
	}
}

// What faithful servers may do about a loss, and looks like one of the above.
func TestDividedHistoriesThatAreFaithful(t *testing.T) {
	for _, c := range []struct {
		name string
		edit edit
	}{
		{"a member comes back, and is told", both(returns("X"), without(joined(2, 12)), before(of(Stays, 2),
			Record{Kind: Anew, Client: 2, Node: 2}, Record{Kind: Joined, Client: 2, Since: -1, Seq: 13, Node: 2},
			Record{Kind: Shown, Client: 2, Since: -1, Op: "a", Message: "A", Seq: 11, Rev: 11, Content: Content("a", "hello"), Node: 2},
			Record{Kind: Shown, Client: 2, Since: -1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: Content("b", "bye"), Node: 2},
			Record{Kind: Shown, Client: 2, Since: -1, Op: "c", Message: "C", Seq: 13, Rev: 13, Content: Content("c", "again"), Node: 2}))},
		{"what is lost was told before the fail-over", both(before(isKind(Forked),
			Record{Kind: Send, Client: 1, Op: "x", Content: Content("x", "lost")},
			Record{Kind: Told, Client: 1, Op: "x", Message: "X", Seq: 12, Prev: 11, Made: 12, Content: Content("x", "lost"), Node: 1},
			Record{Kind: Joined, Client: 2, Since: -1, Seq: 12, Node: 1}, // 12 changed an older message
			Record{Kind: Shown, Client: 2, Since: -1, Op: "a", Message: "A", Seq: 11, Rev: 11, Content: Content("a", "hello"), Node: 1}),
			drop(1, kind(Send, "x")), drop(1, told(1, 12)), without(told(2, 12)))},
		{"a server learns of the new primary after it has shown what is lost", both(
			change(0, told(2, 12), func(r *Record) {
				*r = Record{Kind: Joined, Client: 2, Since: 11, Last: "A", Seq: 12, Node: 1}
			}),
			before(of(Anew, 1), Record{Kind: Shown, Client: 2, Since: 11, Op: "x", Message: "X", Seq: 12, Rev: 12, Content: Content("x", "lost"), Node: 1},
				Record{Kind: Known, Node: 1, FailOver: 1}))},
		{"a server is ended before it tells its operator", both(without(isKind(Noticed)), add(Record{Kind: Left, Node: 1}))},
		{"a member has forgotten all by itself", without(of(Anew, 2))},
		{"what was lost is sent again", both(before(of(Stays, 1), Record{Kind: Resend, Client: 1, Op: "x"},
			Record{Kind: Told, Client: 1, Op: "x", Message: "Y", Seq: 14, Prev: 13, Made: 14, Content: Content("x", "lost"), Node: 1},
			Record{Kind: Told, Client: 2, Op: "x", Message: "Y", Seq: 14, Prev: 13, Made: 14, Content: Content("x", "lost"), Node: 1},
			Record{Kind: Told, Client: 3, Op: "x", Message: "Y", Seq: 14, Prev: 13, Made: 14, Content: Content("x", "lost"), Node: 1},
			Record{Kind: Stands, Seq: 14, Message: "Y", Made: 14}),
			change(0, isKind(End), func(r *Record) { r.Seq = 14 }),
			add(Record{Kind: Read, Way: WaySince, Op: "x", Message: "Y", Seq: 14, Rev: 14, Content: Content("x", "lost")},
				Record{Kind: Read, Way: WayAfter, Op: "x", Message: "Y", Seq: 14, Rev: 14, Content: Content("x", "lost")}))},
		{"what was lost is answered, and edited", before(told(3, 13), Record{Kind: Send, Client: 1, Op: "r", Reply: "X", Content: Content("r", "x")},
			Record{Kind: Refused, Client: 1, Op: "r", Code: "invalid_reply"},
			Record{Kind: Edit, Client: 1, Op: "e", Message: "X", Content: Content("e", "x")},
			Record{Kind: Refused, Client: 1, Op: "e", Code: "not_found"})},
		{"the old primary has not what is answered, and edited", before(of(Anew, 1), Record{Kind: Send, Client: 3, Op: "r", Reply: "B", Content: Content("r", "x")},
			Record{Kind: Cut, Client: 3, Op: "r"}, Record{Kind: Resend, Client: 3, Op: "r"},
			Record{Kind: Refused, Client: 3, Op: "r", Code: "invalid_reply", Node: 1},
			Record{Kind: Edit, Client: 3, Op: "e", Message: "B", Content: Content("e", "x")},
			Record{Kind: Refused, Client: 3, Op: "e", Code: "not_found", Node: 1})},
		{"a member waits for a number of the old primary", before(of(Anew, 1), Record{Kind: Due, Client: 3, Seq: 12}, Record{Kind: Due, Client: 1, Seq: 12})},
		{"an acknowledgement comes while a list is taken in", both(without(told(1, 13)), before(of(Stays, 1),
			Record{Kind: Paged, Client: 1, Since: 12, Last: "B", Seq: 12, Node: 1}, // read before C was made
			Record{Kind: Resend, Client: 2, Op: "c"},
			Record{Kind: Acked, Client: 1, Op: "c", Message: "C", Seq: 13, Rev: 13, Content: Content("c", "again"), Node: 2},
			Record{Kind: Told, Client: 1, Op: "c", Message: "C", Seq: 13, Prev: 12, Made: 13, Content: Content("c", "again"), Node: 1}))},
		{"a history may be of either, until more is told", both(
			change(0, func(r *Record) bool { return r.Kind == Joined && r.Client == 1 && r.Seq == 12 }, func(r *Record) { r.Seq = 12 }),
			before(told(1, 13), Record{Kind: Joined, Client: 1, Since: 12, Last: "B", Seq: 12, Node: 1}))},
		{"one that came while pages were fetched is forgotten with the connection", both(
			before(isKind(Undone), Record{Kind: Undone, Seq: 13, Message: "Y", Made: 13, FailOver: 1}),
			before(told(3, 12),
				Record{Kind: Joined, Client: 3, Since: 11, Last: "A", Seq: 11, More: true, Node: 2},
				Record{Kind: Told, Client: 3, Message: "Y", Seq: 13, Prev: 12, Made: 13, Node: 2},
				Record{Kind: Joined, Client: 3, Since: 11, Last: "A", Seq: 11, Node: 2}))},
		{"a lost event behind a hole is not taken", both(
			before(isKind(Undone), Record{Kind: Undone, Seq: 13, Message: "Y", Made: 13, FailOver: 1}),
			before(told(3, 12), Record{Kind: Told, Client: 3, Message: "Y", Seq: 13, Prev: 12, Made: 13, Node: 2}))},
		{"a member that did not say what it has is not told", both(returns("", shownC), before(of(Stays, 2),
			Record{Kind: Joined, Client: 2, Since: -1, Seq: 13, Node: 2},
			Record{Kind: Shown, Client: 2, Since: -1, Op: "a", Message: "A", Seq: 11, Rev: 11, Content: Content("a", "hello"), Node: 2},
			Record{Kind: Shown, Client: 2, Since: -1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: Content("b", "bye"), Node: 2},
			Record{Kind: Shown, Client: 2, Since: -1, Op: "c", Message: "C", Seq: 13, Rev: 13, Content: Content("c", "again"), Node: 2}))},
	} {
		t.Run(c.name, func(t *testing.T) {
			if rep := checkHistories(c.edit(t, twoHistories())); !rep.Clean {
				t.Errorf("lost %v, repeated %v, reordered %v, unexplained %v", rep.Lost.First, rep.Repeated.First, rep.Reordered.First, rep.Unexplained.First)
			}
		})
	}
}

// TestWhoCannotSayWhichEventItHasIsCounted: client 2 has seen X changed at 12, and X was changed
// at 12 otherwise since.
func TestWhoCannotSayWhichEventItHasIsCounted(t *testing.T) {
	stands := func(r *Record) bool { return r.Kind == Stands && r.Seq == 12 }
	alike := change(0, stands, func(r *Record) { r.Message, r.Form, r.Updated = "X", "text", "2026-01-02T03:04:05Z" })
	live := both(returns("X", Record{Kind: Told, Client: 2, Op: "c", Message: "C", Seq: 13, Prev: 12, Made: 13, Content: Content("c", "again"), Node: 2}),
		change(0, func(r *Record) bool { return r.Kind == Joined && r.Client == 2 && r.Since == 12 }, func(r *Record) { r.Seq = 12 }))
	for name, comes := range map[string]edit{"in the answer": returns("X", shownC), "live": live} {
		if rep := checkHistories(both(comes, alike)(t, twoHistories())); rep.Alike != 1 || strings.Contains(strings.Join(rep.Lost.First, "\n"), "without being told") {
			t.Errorf("%s: %d alike; %v", name, rep.Alike, rep.Lost.First)
		}
		if rep := checkHistories(comes(t, twoHistories())); rep.Alike != 0 || !strings.Contains(strings.Join(rep.Lost.First, "\n"), "without being told") {
			t.Errorf("%s: %d alike; %v", name, rep.Alike, rep.Lost.First)
		}
	}
}

// TestAnEventThatIsLostIsKnownByItsTime: the event that has its number now is about the same
// message. Where neither has a time that shows, it may be either.
func TestAnEventThatIsLostIsKnownByItsTime(t *testing.T) {
	const lost, stands, earlier, isLost, isOther, isEither = "2026-01-02T03:04:05Z", "2026-01-02T03:04:07Z", "2026-01-02T03:04:00Z", "lost", "other", "either"
	x := func(as how, at string) event { return event{"X", micros(at), as} }
	for _, c := range []struct {
		name         string
		lost, stands event
		record       Record
		want         string
	}{
		{"a lost edit", x(said, lost), x(pinned, stands), Record{Updated: lost}, isLost},
		{"the pin in its place", x(said, lost), x(pinned, stands), Record{Updated: earlier, Pinned: stands}, isOther},
		{"the end of a pin in its place", x(said, lost), x(pinned, stands), Record{Updated: earlier}, isOther},
		{"one that does not say", x(said, lost), x(pinned, stands), Record{Updated: lost, Bare: true}, isEither},
		{"another message", x(said, lost), x(pinned, stands), Record{Message: "Y", Updated: lost}, isOther},
		{"a lost pin", x(pinned, lost), x(pinned, stands), Record{Updated: earlier, Pinned: lost}, isLost},
		{"the same pin again", x(pinned, lost), x(pinned, stands), Record{Updated: earlier, Pinned: stands}, isOther},
		{"the end of a pin, twice", x(pinned, lost), x(pinned, stands), Record{Updated: earlier}, isEither},
		{"a lost message", x(made, earlier), x(pinned, stands), Record{Updated: earlier, Made: 12}, isLost},
		{"it was made before, and pinned in its place", x(made, earlier), x(pinned, stands), Record{Updated: earlier, Pinned: stands}, isOther},
		{"a lost message, told as it was pinned then", x(pinned, lost), x(pinned, stands), Record{Seq: 11, Rev: 12, Made: 11, Updated: earlier, Pinned: lost}, isLost},
		{"a summary that was seen before the other one was stored", x(changed, lost), x(changed, stands), Record{At: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC), Updated: earlier}, isLost},
		{"and one that was seen long after the old primary's end", x(changed, lost), x(changed, stands), Record{At: time.Date(2026, 1, 2, 3, 5, 0, 0, time.UTC), Updated: earlier}, isOther},
		{"stored on both", x(made, lost), x(made, lost), Record{Updated: lost, Made: 12}, isEither},
		{"of which the log says little", x(changed, lost), x(changed, stands), Record{Updated: earlier}, isEither},
	} {
		over := time.Date(2026, 1, 2, 3, 4, 10, 0, time.UTC)
		d := &divided{stands: map[int64]event{12: c.stands}, forks: []*fork{{failOver: 1, from: 11, top: 12, over: over, lost: map[int64]event{12: c.lost}}}}
		if c.record.Kind = Told; c.record.Seq == 0 {
			c.record.Seq = 12
		}
		if c.record.Message == "" {
			c.record.Message = "X"
		}
		f, either := d.of(&c.record)
		got := isOther
		switch {
		case either && f == nil:
			got = isEither
		case f != nil:
			got = isLost
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestWhatBothHistoriesHaveIsNotLost: the standby got it after its number was read. What was
// lost by a later fail-over, it had.
func TestWhatBothHistoriesHaveIsNotLost(t *testing.T) {
	h := NewHistories()
	learn := func(kind Kind, failOver int, numbers ...int64) {
		for _, n := range numbers {
			h.Learn(&Record{Kind: kind, Seq: n, Message: strconv.Itoa(int(n)), Made: n, FailOver: failOver, Updated: "2026-01-02T03:04:05Z"})
		}
	}
	h.Learn(&Record{Kind: Forked, FailOver: 1, Seq: 10})
	h.Learn(&Record{Kind: Forked, FailOver: 2, Seq: 12})
	learn(Undone, 1, 11, 12, 13, 14)
	learn(Undone, 2, 13)
	learn(Stands, 0, 11, 12)
	h.Learn(&Record{Kind: Stands, Seq: 13, Message: "another", Made: 13, Updated: "2026-01-02T03:04:06Z"})
	rep := h.Check()
	f := h.rooms[0].forks[0]
	if f.from != 13 || len(f.lost) != 1 || rep.Undone != 2 || rep.FailOvers != 2 {
		t.Errorf("it parts after %d and loses %v; %d undone by %d", f.from, f.lost, rep.Undone, rep.FailOvers)
	}
}

// reactedTo has client 1 react to A at a time, while the standby hears nothing from second 10 to 20.
// The reaction is acknowledged, and not there in the end.
func reactedTo(second int) []Record {
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	h := twoHistories()
	h[0].Version = 2
	i := slices.IndexFunc(h, func(r Record) bool { return r.Kind == Forked })
	return slices.Insert(h, i, Record{Kind: Deaf, At: at(10)},
		Record{Kind: React, At: at(second), Client: 1, Op: "r", Message: "A", On: true, Content: "👍", Sender: "user"}, Record{Kind: Granted, Client: 1, Op: "r", At: at(second)},
		Record{Kind: Over, At: at(20)})
}

func TestAReactionMayBeForgottenWithWhatIsLost(t *testing.T) {
	for second, want := range map[int]string{5: "it does not show 👍, which user has chosen", 15: "", 25: "", 35: "it does not show 👍, which user has chosen"} {
		rep := checkHistories(reactedTo(second))
		if (want == "") != rep.Clean || !strings.Contains(strings.Join(rep.Lost.First, "\n"), want) {
			t.Errorf("at %d: %+v", second, rep)
		}
	}
}

// What is listed while a room has two histories is not judged; what is in the end, is.
func TestListsOfTheHistoryThatStandsAreJudged(t *testing.T) {
	h := before(of(Stays, 1), Record{Kind: Seen, Client: 1, Way: WayPins, Message: "X", Seq: 12, Rev: 12}, Record{Kind: Chosen, Client: 1, Message: "A", Content: "👍"},
		Record{Kind: RoleTold, Client: 1, Code: "member"})(t, twoHistories())
	if rep := checkHistories(h); !rep.Clean {
		t.Errorf("%+v", rep)
	}
	h = append(twoHistories(), Record{Kind: Row, Way: RowsDue, Message: "A"}, Record{Kind: Listed, Way: RowsDue})
	if rep := checkHistories(h); rep.Lost.Count != 1 {
		t.Errorf("%+v", rep)
	}
}

// TestPagesOfTwoHistoriesMayLackAMessage: a lost edit had moved X from the page that came from
// the new primary to one that came from the old.
func TestPagesOfTwoHistoriesMayLackAMessage(t *testing.T) {
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	for _, c := range []struct {
		name  string
		pages []Record
		torn  bool
	}{
		{"fetched across the fail-over", []Record{{More: true, At: at(10)}, {Since: 5, At: at(30)}}, true},
		{"and stood at the end before it", []Record{{More: true, At: at(8)}, {Since: 5, At: at(10)}, {Since: 9, At: at(30)}}, false},
		{"fetched after it", []Record{{More: true, At: at(25)}, {Since: 5, At: at(30)}}, false},
		{"and then all anew", []Record{{More: true, At: at(10)}, {Since: 5, At: at(30)}, {Since: -1, At: at(31)}}, false},
	} {
		parts := &fork{failOver: 1, from: 10, over: at(20), lost: map[int64]event{13: {"X", 0, said}}}
		reads := &reader{h: NewHistories(), room: &divided{forks: []*fork{parts}}}
		for _, page := range c.pages {
			parts.begun = page.At.After(at(15))
			reads.tear(&page)
		}
		if got := reads.h.ledger.client(&Record{}).torn["X"]; got != c.torn {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
