package socket

import (
	"testing"
	"time"
)

func TestAClockSetBackLimitsNobody(t *testing.T) {
	const rate, burst = 20, 40
	s := &session{h: &Handler{cfg: Config{Rate: rate, Burst: burst}}}
	now := time.Now()
	for range burst {
		if !s.allow(now) {
			t.Fatal("refused within the burst")
		}
	}
	now = now.Add(-time.Hour)
	if s.allow(now) {
		t.Error("a clock set back gave a token")
	}
	for range 10 {
		now = now.Add(time.Second / rate)
		if !s.allow(now) {
			t.Fatal("refused within the rate after the clock was set back")
		}
	}
}
