package ledger

import (
	"slices"
	"strings"
	"testing"
)

// held is a client of the library beside a faithful history: it is loaded, told of A, is loaded again, and is told of the rest.
func held() []Record {
	a, b, e1, e2 := Content("a", "hello"), Content("b", "bye"), Content("e1", "hallo"), Content("e2", "hullo")
	mine := []Record{
		{Kind: Loaded, Client: 4},
		{Kind: Reset, Client: 4, Seq: 11, First: 11, Revs: []int64{11}},
		{Kind: Held, Client: 4, Op: "a", Message: "A", Made: 11, Rev: 11, Seq: 11, First: 11, Content: a},
		{Kind: Holds, Client: 4, Seq: 11, First: 11, Revs: []int64{11}},
		{Kind: Loaded, Client: 4},
		{Kind: Reset, Client: 4, Seq: 13, First: 11, Revs: []int64{13, 12}},
		{Kind: Held, Client: 4, Op: "a", Message: "A", Made: 11, Rev: 13, Seq: 13, First: 11, Content: e1},
		{Kind: Held, Client: 4, Op: "b", Message: "B", Made: 12, Rev: 12, Seq: 13, First: 11, Content: b},
		{Kind: Held, Client: 4, Op: "a", Message: "A", Made: 11, Rev: 14, Seq: 14, First: 11, Content: e2},
		{Kind: Drawn, Client: 4, Op: "a", Message: "A", Made: 11, Rev: 14, Content: e2},
		{Kind: Drawn, Client: 4, Op: "b", Message: "B", Made: 12, Rev: 12, Content: b},
		{Kind: Holds, Client: 4, Seq: 14, First: 11, Revs: []int64{14, 12}, On: true},
		{Kind: Stays, Client: 4},
	}
	records := faithful()
	at := slices.IndexFunc(records, func(r Record) bool { return r.Kind == Stays })
	return slices.Insert(records, at, mine...)
}

func TestWhatALibraryHoldsIsCompared(t *testing.T) {
	if r := check(held()); !r.Clean || r.Loads != 2 || r.Held != 4 || r.Holds != 2 {
		t.Fatalf("%+v", r)
	}
	const resumed, edited, drawn, ends = 5, 8, 9, 11 // places among the client's records
	type change func(mine []Record) []Record
	for name, c := range map[string]struct {
		change change
		found  func(*Report) Finding
		says   string
	}{
		"an event is not told":  {func(m []Record) []Record { return slices.Delete(m, edited, edited+1) }, lostOf, "of which its library has not told"},
		"a state is told twice": {func(m []Record) []Record { return slices.Insert(m, edited, m[edited]) }, repeatedOf, "told twice of message A at 14"},
		"a state goes back": {func(m []Record) []Record {
			older := m[resumed+1]
			older.Seq = 14
			return slices.Insert(m, edited+1, older)
		}, reorderedOf, "told of message A at 14, and then at 13"},
		"the library goes back": {func(m []Record) []Record {
			m[edited].Seq = 12
			return m
		}, lostOf, "stood at 13, and then at 12"},
		"a message is held that was not told": {func(m []Record) []Record { return slices.Delete(m, resumed+2, resumed+3) }, lostOf, "holds what event 12 left behind"},
		"a message that was told is not held": {func(m []Record) []Record {
			m[ends].Revs = []int64{14}
			return m
		}, lostOf, "and does not hold it"},
		"the order is another one": {func(m []Record) []Record {
			m[ends].Revs = []int64{12, 14}
			return m
		}, reorderedOf, "made at 11 is held behind one made at 12"},
		"all are told, and one is missing": {func(m []Record) []Record {
			m[resumed].Revs, m[ends].Revs = []int64{13}, []int64{14}
			return slices.Delete(slices.Delete(m, drawn+1, drawn+2), resumed+2, resumed+3)
		}, lostOf, "event 12 of message B is missing in what its library holds"},
		"the last state is another one": {func(m []Record) []Record {
			m[ends].Revs, m[ends].Seq = []int64{13, 12}, 13
			return slices.Delete(m, edited, drawn+1)
		}, lostOf, "its library stands at 13 in the end, and its room at 14"},
		"another text is drawn": {func(m []Record) []Record {
			m[drawn].Content = Content("e2", "hallo")
			return m
		}, unexplainedOf, "said something else to client 4"},
		"an older text is drawn": {func(m []Record) []Record {
			m[drawn].Rev = 13
			return m
		}, unexplainedOf, "draws message A at 13"},
		"it never says what it holds in the end": {func(m []Record) []Record { return slices.Delete(m, ends, ends+1) }, unexplainedOf, "is not known"},
	} {
		records := held()
		at := slices.IndexFunc(records, func(r Record) bool { return r.Client == 4 })
		end := at + slices.IndexFunc(records[at:], func(r Record) bool { return r.Client != 4 })
		mine := c.change(slices.Clone(records[at:end]))
		r := check(slices.Concat(records[:at], mine, records[end:]))
		if found := c.found(r); found.Count == 0 || !strings.Contains(strings.Join(found.First, "\n"), c.says) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func lostOf(r *Report) Finding        { return r.Lost }
func repeatedOf(r *Report) Finding    { return r.Repeated }
func reorderedOf(r *Report) Finding   { return r.Reordered }
func unexplainedOf(r *Report) Finding { return r.Unexplained }
