package unsent

import (
	"sync"
	"testing"

	"github.com/google/uuid"
)

func TestOverTheLimitNothingIsMade(t *testing.T) {
	l := New(1000)
	alice, bob := uuid.New(), uuid.New()
	l.Add(999)
	if !l.Open() || !l.OpenTo(alice) {
		t.Error("refused below the limit")
	}
	l.Add(1)
	if l.Open() || l.OpenTo(bob) {
		t.Error("open at the limit")
	}
	l.Add(-1)
	if !l.Open() {
		t.Error("refused below the limit again")
	}
	l.Close(true)
	if l.Open() || l.OpenTo(alice) {
		t.Error("open while closed")
	}
	l.Close(false)
	if !l.Open() {
		t.Error("closed for good")
	}
	if st := l.Stats(); st.Refused != 4 || st.BytesNow != 999 || st.BytesMax != 1000 {
		t.Errorf("%+v", st)
	}
}

// A user who has filled their part is refused, and nobody else.
func TestAUserFillsAPartOnly(t *testing.T) {
	l := New(8000)
	alice, bob := uuid.New(), uuid.New()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() { l.AddTo(alice, 100) })
	}
	all.Wait()
	if l.OpenTo(alice) || !l.OpenTo(bob) || !l.Open() {
		t.Error("it is not the user alone who is refused")
	}
	l.AddTo(alice, -1)
	if !l.OpenTo(alice) {
		t.Error("refused below their part")
	}
	l.AddTo(alice, -999)
	if len(l.users) != 0 {
		t.Errorf("%d users are kept for nothing", len(l.users))
	}
}

// An answer that clients share counts while the first of them to the last need it.
func TestASharedAnswerCountsOnce(t *testing.T) {
	l := New(1000)
	a := l.Answer(100)
	for round := range 2 {
		var all sync.WaitGroup
		for range 10 {
			a.Begin()
		}
		if n := l.Stats().BytesNow; n != 100 {
			t.Errorf("round %d: %d bytes", round, n)
		}
		for range 10 {
			all.Go(a.Gone)
		}
		all.Wait()
		if n := l.Stats().BytesNow; n != 0 {
			t.Errorf("round %d: %d bytes are left", round, n)
		}
	}
}

func TestNoLimitBoundsNothing(t *testing.T) {
	for _, l := range []*Limit{nil, New(0)} {
		l.Add(1 << 40)
		l.Answer(1).Begin()
		l.AddTo(uuid.New(), 1<<40)
		if !l.Open() || !l.OpenTo(uuid.New()) || l.Stats().Refused != 0 {
			t.Error("refused")
		}
	}
}
