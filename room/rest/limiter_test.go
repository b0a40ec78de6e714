package rest

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestLimiterRefillsAtItsRate(t *testing.T) {
	l := newLimiter(10, 5)
	user, now := uuid.New(), time.Unix(1000, 0)
	for i := range 5 {
		if ok, _ := l.take(user, now); !ok {
			t.Fatalf("write %d of a burst of 5 was refused", i+1)
		}
	}
	ok, wait := l.take(user, now)
	if ok || wait != 100*time.Millisecond {
		t.Fatalf("the sixth: %v, wait %v; want a wait of 100ms", ok, wait)
	}
	if ok, _ := l.take(user, now.Add(50*time.Millisecond)); ok {
		t.Error("half a token was enough")
	}
	if ok, _ := l.take(user, now.Add(100*time.Millisecond)); !ok {
		t.Error("a whole token was not enough")
	}
}

func TestLimiterKeepsTheRateOverGenerations(t *testing.T) {
	l := newLimiter(10, 5)
	user, now := uuid.New(), time.Unix(1000, 0)
	allowed := 0
	for range 10_000 { // ten seconds, a write each millisecond
		now = now.Add(time.Millisecond)
		if ok, _ := l.take(user, now); ok {
			allowed++
		}
	}
	if allowed < 100 || allowed > 106 {
		t.Errorf("%d writes in 10 s at 10/s with a burst of 5", allowed)
	}
}

func TestLimiterForgetsWhoIsFullAgain(t *testing.T) {
	l := newLimiter(10, 5)
	now := time.Unix(1000, 0)
	for range 1000 {
		l.take(uuid.New(), now)
	}
	now = now.Add(l.fill)
	l.take(uuid.New(), now)
	now = now.Add(l.fill)
	l.take(uuid.New(), now)
	if n := len(l.young) + len(l.old); n > 2 {
		t.Errorf("%d buckets are kept", n)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter(10, 5)
	l.youngMax = 100
	now := time.Unix(1000, 0)
	for range 100 {
		if ok, _ := l.take(uuid.New(), now); !ok {
			t.Fatal("refused while there was room")
		}
	}
	if ok, wait := l.take(uuid.New(), now); ok || wait <= 0 {
		t.Errorf("the 101st user: %v, wait %v", ok, wait)
	}
	if len(l.young) > 100 {
		t.Errorf("%d buckets", len(l.young))
	}
}
