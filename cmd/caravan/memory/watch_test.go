package memory

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// heap is what a process uses: live bytes, and garbage that a collection takes away.
type heap struct {
	live, garbage    int64
	alive            int64 // when it was collected last
	cycles, collects int
}

func (h *heap) look() usage {
	return usage{now: h.live + h.garbage, alive: h.alive, cycles: uint64(h.cycles)}
}

// collect is what Go does by itself as well.
func (h *heap) collect() {
	h.garbage, h.alive = 0, h.live
	h.cycles++
}

func TestMemoryIsShortByWhatLivesNotByGarbage(t *testing.T) {
	var h heap
	p := pressure{limit: 1000}
	now := time.Now()
	for _, step := range []struct {
		what          string
		live, garbage int64
		after         time.Duration
		short         bool
		shed          int64
	}{
		{"little", 100, 100, time.Second, false, 0},
		{"garbage alone", 400, 550, time.Second, false, 0},
		{"as much as may be", 849, 0, time.Second, false, 0},
		{"too much", 850, 100, time.Second, true, 150},
		{"a moment later", 100, 0, time.Second / 2, true, 0},
		{"what was shed is not free yet", 900, 0, time.Second / 2, true, 0},
		{"too much for long", 900, 0, 5 * time.Second, true, 200},
		{"less", 800, 0, 5 * time.Second, true, 0},
		{"not yet enough", 700, 0, time.Second, true, 0},
		{"enough", 699, 50, time.Second, false, 0},
		{"more than that is no shortage", 800, 0, time.Second, false, 0},
		{"short again", 860, 0, time.Second, true, 160},
	} {
		h.live, h.garbage = step.live, step.garbage
		now = now.Add(step.after)
		if shed := p.look(now, h.look, func() { h.collects++; h.collect() }); p.short != step.short || shed != step.shed {
			t.Errorf("%s: short %v, shed %d", step.what, p.short, shed)
		}
	}
	if h.collects != 8 {
		t.Errorf("%d collections", h.collects)
	}
}

// TestWhatGoCollectsByItselfCounts: near its limit Go collects all the time, and a
// decision need not wait for a collection of its own.
func TestWhatGoCollectsByItselfCounts(t *testing.T) {
	h := heap{live: 860}
	p := pressure{limit: 1000}
	now := time.Now()
	collects := 0
	look := func(live int64, byItself bool) {
		h.live, h.garbage = live, 100
		if byItself {
			h.alive = live
			h.cycles++
		}
		now = now.Add(lookEvery)
		p.look(now, h.look, func() { collects++; h.collect() })
	}
	look(700, true)
	look(860, false)
	if !p.short || collects != 1 {
		t.Fatalf("short %v after %d collections", p.short, collects)
	}
	look(600, false)
	if !p.short {
		t.Error("what was freed counts before it was collected")
	}
	look(600, true)
	if p.short || collects != 1 {
		t.Errorf("short %v after %d collections", p.short, collects)
	}
	look(900, true)
	if !p.short || collects != 1 {
		t.Errorf("short %v after %d collections", p.short, collects)
	}
}

// counted is a server that is told.
type counted struct{ short, enough, sheds atomic.Int32 }

func (c *counted) ShortOfMemory(yes bool) {
	if yes {
		c.short.Add(1)
	} else {
		c.enough.Add(1)
	}
}

func (c *counted) Shed(int64) { c.sheds.Add(1) }

func TestTheServerIsToldOnceAndShedsNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s counted
		w := NewWatch(Limit{Bytes: 1000, From: "a test"}, &s, slog.New(slog.DiscardHandler)) // far less than is in use
		time.Sleep(12 * time.Second)
		w.Close()
		if st := w.Stats(); s.short.Load() != 1 || s.enough.Load() != 0 || s.sheds.Load() < 2 || s.sheds.Load() > 3 || !st.ShortNow || st.BytesNow < 1000 {
			t.Errorf("told %d, %d, shed %d; %+v", s.short.Load(), s.enough.Load(), s.sheds.Load(), st)
		}
	})
	var s counted
	w := NewWatch(Adopt(), &s, slog.New(slog.DiscardHandler))
	w.Close()
	if w.Stats().ShortNow || s.short.Load()+s.sheds.Load() > 0 {
		t.Error("this test is short of memory")
	}
}

func TestTheNextLookComesTheSoonerTheLessIsFree(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		limit, inUse int64
		want         time.Duration
	}{
		{20 * gib, gib / 10, lookSeldom},
		{gib, gib / 10, 187 * time.Millisecond},
		{gib, 6 * gib / 10, 62 * time.Millisecond},
		{gib, 8 * gib / 10, lookEvery},
		{gib, 2 * gib, lookEvery},
		{1000, 10, lookEvery},
	} {
		p := pressure{limit: c.limit, inUse: c.inUse}
		if got := p.pause(); got != c.want {
			t.Errorf("%d of %d in use: %v, want %v", c.inUse, c.limit, got, c.want)
		}
	}
}
