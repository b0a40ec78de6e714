package ledger

import (
	"slices"
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
	if rep := checkHistories(both(returns("X", shownC), alike)(t, twoHistories())); rep.Alike != 1 || strings.Contains(strings.Join(rep.Lost.First, "\n"), "without being told") {
		t.Errorf("%d alike; %v", rep.Alike, rep.Lost.First)
	}
	if rep := checkHistories(returns("X", shownC)(t, twoHistories())); rep.Alike != 0 || !strings.Contains(strings.Join(rep.Lost.First, "\n"), "without being told") {
		t.Errorf("%d alike; %v", rep.Alike, rep.Lost.First)
	}
}

// TestAnEditThatIsLostIsKnownByItsTime: the event that has its number now is about the same
// message, and changed something that has no time of its own.
func TestAnEditThatIsLostIsKnownByItsTime(t *testing.T) {
	const lost, stands = "2026-01-02T03:04:05Z", "2026-01-02T03:04:00Z"
	d := &divided{stands: map[int64]event{12: {"X", 0}}, forks: []*fork{{failOver: 1, from: 11, top: 12, lost: map[int64]event{12: {"X", micros(lost)}}}}}
	for _, c := range []struct {
		record Record
		lost   bool
	}{
		{Record{Message: "X", Seq: 12, Updated: lost}, true},
		{Record{Message: "X", Seq: 12, Updated: stands}, false},
		{Record{Message: "X", Seq: 12, Updated: lost, Bare: true}, false}, // it does not say
		{Record{Message: "Y", Seq: 12, Updated: lost}, false},
	} {
		if f := d.of(&c.record); (f != nil) != c.lost {
			t.Errorf("%+v: %v", c.record, f)
		}
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
