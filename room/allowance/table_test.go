package allowance

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// numbered returns users of one shard.
func numbered(i int) (user uuid.UUID) {
	binary.BigEndian.PutUint64(user[:], uint64(i))
	return user
}

func TestAllConnectionsOfAUserShareOneAllowance(t *testing.T) {
	table := New(Rates{Frames: {PerSecond: 1, Burst: 3}})
	phone, laptop, other := table.Of(numbered(1)), table.Of(numbered(1)), table.Of(numbered(2))
	now := time.Now()
	for i, a := range []*Allowance{phone, laptop, phone, laptop} {
		if ok, _ := a.Take(Frames, 1, now); ok != (i < 3) {
			t.Errorf("take %d: %v", i, ok)
		}
	}
	if ok, _ := other.Take(Frames, 1, now); !ok {
		t.Error("another user is refused")
	}
	if ok, _ := phone.Take(Reads, 1, now); !ok {
		t.Error("a kind without a rate is refused")
	}
}

func TestAnAllowanceIsKeptUntilItIsWholeAgainAndThenForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := New(Rates{Frames: {PerSecond: 1, Burst: 3}})
		a := table.Of(numbered(1))
		a.Take(Frames, 3, time.Now())
		a.Return()
		a = table.Of(numbered(1))
		if ok, _ := a.Take(Frames, 1, time.Now()); ok {
			t.Error("coming anew gives a new allowance")
		}
		a.Return()
		time.Sleep(4 * time.Second)
		table.Of(numbered(2)).Return()
		if st := table.Stats(); st.Users != 0 || st.Forgotten != 0 {
			t.Errorf("after a rest the table still has %+v", st)
		}
	})
}

func TestAFullTableForgetsWhoHasRestedLongestAndKeepsNobodyOut(t *testing.T) {
	table := New(Rates{Frames: {PerSecond: 1, Burst: 1000}})
	table.restingsMax = 100
	held := table.Of(numbered(0))
	held.Take(Frames, 1000, time.Now())
	for i := 1; i <= 10_000; i++ {
		a := table.Of(numbered(i))
		if ok, _ := a.Take(Frames, 1, time.Now()); !ok {
			t.Fatalf("user %d is refused", i)
		}
		a.Return()
	}
	if st := table.Stats(); st.Users != 101 || st.Forgotten != 9_900 {
		t.Errorf("%+v", st)
	}
	if again := table.Of(numbered(0)); again != held {
		t.Error("who is held was forgotten")
	}
}

func TestNoTableBoundsNothing(t *testing.T) {
	var table *Table
	a := table.Of(uuid.New())
	a.Charge(FrameBytes, 1<<40, time.Now())
	if ok, _ := a.Take(FrameBytes, 1, time.Now()); !ok || a.Wait(FrameBytes, time.Now()) != 0 {
		t.Error("refused")
	}
	a.Return()
	if st := table.Stats(); st != (Stats{}) {
		t.Error(st)
	}
}

func TestRatesChangeForThoseWhoHaveAnAllowance(t *testing.T) {
	table := New(Rates{Frames: {PerSecond: 0.001, Burst: 2}})
	a, now := table.Of(numbered(1)), time.Now()
	a.Take(Frames, 2, now)
	if ok, _ := a.Take(Frames, 1, now); ok {
		t.Error("over the rate")
	}
	table.SetRates(Rates{})
	if ok, _ := a.Take(Frames, 1, now); !ok {
		t.Error("there is no limit any more")
	}
	table.SetRates(Rates{Frames: {PerSecond: 0.001, Burst: 1}})
	if ok, _ := a.Take(Frames, 1, now); ok {
		t.Error("over the new rate")
	}
}

// Who comes back, from whichever place among those who rest, leaves the others in their order.
func TestWhoComesBackLeavesTheOthersInTheirOrder(t *testing.T) {
	for back := 1; back <= 3; back++ {
		table := New(Rates{Frames: {PerSecond: 0.001, Burst: 1}})
		table.restingsMax = 3
		rest := func(i int) {
			a := table.Of(numbered(i))
			a.Take(Frames, 1, time.Now())
			a.Return()
		}
		for i := 1; i <= 3; i++ {
			rest(i)
		}
		held := table.Of(numbered(back))
		for i := 4; i <= 6; i++ { // two rest, a third, and then the two go
			rest(i)
		}
		held.Return() // now four: the oldest goes, which is number 4
		for i := 1; i <= 6; i++ {
			a := table.Of(numbered(i))
			if ok, _ := a.Take(Frames, 1, time.Now()); ok != (i < 5 && i != back) {
				t.Errorf("where %d comes back, %d is remembered: %v", back, i, !ok)
			}
		}
	}
}
