package allowance

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestMeterLetsTheBurstThroughAndThenTheRate(t *testing.T) {
	var m Meter
	r, now := Rate{PerSecond: 10, Burst: 5}, time.Now()
	for i := range 5 {
		if ok, _ := m.Take(r, 1, now); !ok {
			t.Fatalf("unit %d of the burst was refused", i)
		}
	}
	ok, wait := m.Take(r, 1, now)
	if ok || wait != 100*time.Millisecond || m.Wait(r, now) != wait {
		t.Errorf("after the burst: %v, wait %v, %v", ok, wait, m.Wait(r, now))
	}
	if ok, _ := m.Take(r, 1, now.Add(wait)); !ok {
		t.Error("refused after the wait that was asked for")
	}
	allowed := 0
	for i := range 1000 { // ten seconds
		if ok, _ := m.Take(r, 1, now.Add(wait+time.Duration(i)*10*time.Millisecond)); ok {
			allowed++
		}
	}
	if allowed < 99 || allowed > 100 {
		t.Errorf("%d units in ten seconds at a rate of 10", allowed)
	}
	if ok, _ := m.Take(r, 5, now.Add(time.Hour)); !ok {
		t.Error("a rest does not bring the whole burst back")
	}
}

func TestMeterTakesWhatCostsMoreThanTheBurstAfterAWholeRest(t *testing.T) {
	var m Meter
	r, now := Rate{PerSecond: 10, Burst: 5}, time.Now()
	if ok, _ := m.Take(r, 1000, now); !ok {
		t.Error("refused for ever")
	}
	if ok, wait := m.Take(r, 1000, now); ok || wait != 500*time.Millisecond {
		t.Errorf("a second time: %v, wait %v", ok, wait)
	}
}

func TestMeterChargesWhatIsOverTheRateAndForgivesAtLast(t *testing.T) {
	var m Meter
	r, now := Rate{PerSecond: 1000, Burst: 100}, time.Now()
	m.Charge(r, 1100, now)
	if ok, wait := m.Take(r, 1, now); ok || wait < time.Second || wait > time.Second+2*time.Millisecond {
		t.Errorf("%v, wait %v", ok, wait)
	}
	for range 3 {
		m.Charge(r, math.MaxInt, now)
	}
	if wait := m.Wait(r, now); wait > debtMax+time.Millisecond || wait < debtMax {
		t.Errorf("the debt lasts %v", wait)
	}
	if ok, _ := m.Take(r, 1, now.Add(debtMax+time.Second)); !ok {
		t.Error("the debt is not forgiven")
	}
}

func TestMeterIsNotLockedByAClockThatIsSetBack(t *testing.T) {
	var m Meter
	r, now := Rate{PerSecond: 10, Burst: 5}, time.Now()
	m.Take(r, 5, now)
	if wait := m.Wait(r, now.Add(-24*time.Hour)); wait > debtMax+time.Second {
		t.Errorf("wait %v", wait)
	}
}

func TestMeterTakesAnyNumbers(t *testing.T) {
	now := time.Now()
	for _, r := range []Rate{{1, 1}, {1, math.MaxInt}, {1e30, 1}, {1e30, math.MaxInt}, {1e-30, 1}, {1e-30, math.MaxInt}, {7, 0}, {0, 0}, {-1, -1}} {
		var m Meter
		for range 5 {
			if _, wait := m.Take(r, math.MaxInt, now); wait < 0 {
				t.Errorf("%+v: wait %v", r, wait)
			}
			m.Charge(r, math.MaxInt, now)
			if wait := m.Wait(r, now); wait < 0 {
				t.Errorf("%+v: wait %v", r, wait)
			}
		}
	}
}

func TestMeterLetsNoMoreThroughWhereManyAskAtOnce(t *testing.T) {
	var m Meter
	var allowed atomic.Int64
	r, now := Rate{PerSecond: 1, Burst: 1000}, time.Now()
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			for range 1000 {
				if ok, _ := m.Take(r, 1, now); ok {
					allowed.Add(1)
				}
			}
		})
	}
	asking.Wait()
	if n := allowed.Load(); n != 1000 {
		t.Errorf("%d allowed of a burst of 1000", n)
	}
}

func BenchmarkTake(b *testing.B) {
	a := New(Rates{Frames: {PerSecond: 1, Burst: 1}}).Of([16]byte{1})
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		a.Take(Frames, 1, now)
	}
}
