package ledger

import (
	"slices"
	"testing"
)

// behind is a history in which client 2 hears of 12 and comes back to server 1, which reaches
// the former primary alone and reads 11 there.
func behind() []Record {
	a, b, e := Content("a", "hello"), Content("b", "bye"), Content("e", "bye!")
	return []Record{
		{Kind: Begin, Seq: 10, Nodes: 2},
		{Kind: Joined, Client: 1, Since: -1, Seq: 10, Node: 2},
		{Kind: Joined, Client: 2, Since: -1, Seq: 10, Node: 2},
		{Kind: Send, Client: 1, Op: "a", Content: a},
		{Kind: Acked, Client: 1, Op: "a", Message: "A", Seq: 11, Rev: 11, Content: a, Node: 2},
		{Kind: Told, Client: 1, Op: "a", Message: "A", Seq: 11, Prev: 10, Made: 11, Content: a, Node: 2},
		{Kind: Told, Client: 2, Op: "a", Message: "A", Seq: 11, Prev: 10, Made: 11, Content: a, Node: 2},
		{Kind: Mark, Client: 2, Op: "m1", Seq: 11, Sender: "u"},
		{Kind: Granted, Client: 2, Op: "m1", Seq: 11, Node: 2},
		{Kind: Promoted, FailOver: 1},
		{Kind: Send, Client: 1, Op: "b", Content: b},
		{Kind: Acked, Client: 1, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b, Node: 2},
		{Kind: Told, Client: 1, Op: "b", Message: "B", Seq: 12, Prev: 11, Made: 12, Content: b, Node: 2},
		{Kind: Paged, Client: 2, Since: 11, Seq: 12, Node: 2},
		{Kind: Shown, Client: 2, Since: 11, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b, Node: 2},
		{Kind: Joined, Client: 2, Since: 11, Seq: 11, Node: 1},
		{Kind: Edit, Client: 1, Op: "e", Message: "B", Content: e},
		{Kind: Refused, Client: 1, Op: "e", Code: "not_found", Node: 1},
		{Kind: Told, Client: 2, Op: "b", Message: "B", Seq: 12, Prev: 11, Made: 12, Content: b, Node: 1},
		{Kind: Over},
		{Kind: Stays, Client: 1}, {Kind: Stays, Client: 2},
		{Kind: End, Seq: 12},
		{Kind: Read, Way: WaySince, Op: "a", Message: "A", Seq: 11, Rev: 11, Content: a},
		{Kind: Read, Way: WaySince, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
		{Kind: Read, Way: WayAfter, Op: "a", Message: "A", Seq: 11, Rev: 11, Content: a},
		{Kind: Read, Way: WayAfter, Op: "b", Message: "B", Seq: 12, Rev: 12, Content: b},
	}
}

func TestAServerThatCannotKnowOfTheNewPrimaryMayBeBehind(t *testing.T) {
	if rep := check(behind()); !rep.Clean || rep.Behind != 1 {
		t.Errorf("%d behind; %+v", rep.Behind, rep)
	}
}

// TestWhoIsBehindWithoutReasonIsFound: each is the history above with one thing that is not
// excused.
func TestWhoIsBehindWithoutReasonIsFound(t *testing.T) {
	first := func(kind Kind, node int) func(*Record) bool {
		return func(r *Record) bool { return r.Kind == kind && r.Node == node }
	}
	insert := func(before func(*Record) bool, add ...Record) func(*testing.T, []Record) []Record {
		return func(t *testing.T, records []Record) []Record {
			return slices.Insert(records, find(t, records, 0, before), add...)
		}
	}
	without := func(kind Kind) func(*testing.T, []Record) []Record {
		return func(t *testing.T, records []Record) []Record {
			at := find(t, records, 0, func(r *Record) bool { return r.Kind == kind })
			return slices.Delete(records, at, at+1)
		}
	}
	for _, c := range []struct {
		name              string
		change            func(*testing.T, []Record) []Record
		lost, unexplained int64
	}{
		{"no fail-over", without(Promoted), 1, 1},
		{"the former primary was ended", insert(first(Joined, 1), Record{Kind: Over}), 1, 1},
		{"the server must know", insert(first(Joined, 1), Record{Kind: Known, Node: 1, FailOver: 1}), 1, 1},
		{"the server must know when it refuses", insert(first(Refused, 1), Record{Kind: Known, Node: 1, FailOver: 1}), 0, 1},
		{"the client said that it stands further on", func(t *testing.T, records []Record) []Record {
			r := &records[find(t, records, 0, first(Joined, 1))]
			r.Since, r.Prev = 12, 12
			return records
		}, 1, 0},
		{"it is never told the rest", func(t *testing.T, records []Record) []Record {
			records = slices.DeleteFunc(records, func(r Record) bool { return r.Client == 2 && (r.Kind == Paged || r.Kind == Shown) })
			at := find(t, records, 0, first(Told, 1))
			return slices.Delete(records, at, at+1)
		}, 1, 0},
		{"a mark goes back on a server that must know", insert(first(Joined, 1), Record{Kind: Known, Node: 2, FailOver: 1}, Record{Kind: Own, Client: 2, Seq: 11, Node: 2}, Record{Kind: Own, Client: 2, Seq: 10, Node: 2}), 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep := check(c.change(t, behind()))
			if rep.Lost.Count != c.lost || rep.Unexplained.Count < c.unexplained {
				t.Errorf("lost %v, unexplained %v", rep.Lost, rep.Unexplained)
			}
		})
	}
}

// TestMarksAndPagesMayBeBehindLikewise: what else such a server reads.
func TestMarksAndPagesMayBeBehindLikewise(t *testing.T) {
	records := behind()
	at := find(t, records, 0, func(r *Record) bool { return r.Kind == Joined && r.Node == 1 })
	records = slices.Insert(records, at,
		Record{Kind: Own, Client: 2, Seq: 11, Node: 2},
		Record{Kind: Own, Client: 2, Seq: 10, Node: 1},
		Record{Kind: Paged, Client: 2, Since: 10, Seq: 11, Node: 1},
		Record{Kind: Shown, Client: 2, Since: 10, Op: "a", Message: "A", Seq: 11, Rev: 11, Content: Content("a", "hello"), Node: 1},
	)
	if rep := check(records); !rep.Clean || rep.Behind != 3 {
		t.Errorf("%d behind; %+v", rep.Behind, rep)
	}
}
