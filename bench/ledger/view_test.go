package ledger

import (
	"fmt"
	"testing"
)

// A long run in which members come back all the time: the views that wait for
// judgement stay within their limit, and what they leave out is found all the same.
func TestViewsThatWaitAreBounded(t *testing.T) {
	const messages, joins, limit = 100, 300, 5_000
	l := New()
	l.views.max = limit
	apply := func(r Record) {
		describe(&r)
		l.Apply(&r)
	}
	apply(Record{Kind: Begin})
	apply(Record{Kind: Joined, Client: 1, Since: -1})
	name := func(n int64) string { return fmt.Sprintf("m%d", n) }
	for n := int64(1); n <= messages; n++ {
		apply(Record{Kind: Send, Client: 1, Op: name(n), Content: Content(name(n), "")})
		apply(Record{Kind: Told, Client: 1, Op: name(n), Message: name(n), Seq: n, Prev: n - 1, Made: n, Content: Content(name(n), "")})
	}
	const without = 50 // one resume leaves it out
	for join := range joins {
		apply(Record{Kind: Joined, Client: 2, Since: 0, Seq: messages})
		for n := int64(1); n <= messages; n++ {
			if join != 10 || n != without {
				apply(Record{Kind: Shown, Client: 2, Op: name(n), Message: name(n), Seq: n, Rev: n, Content: Content(name(n), "")})
			}
		}
		if l.views.size > limit+messages {
			t.Fatalf("after %d joins the views hold %d numbers", join, l.views.size)
		}
	}
	if l.Check(); l.report.Lost.Count != 2*messages+1 { // nothing was read back in either way, and one was left out
		t.Errorf("%d lost, %v", l.report.Lost.Count, l.report.Lost.First[max(0, len(l.report.Lost.First)-1):])
	}
}
