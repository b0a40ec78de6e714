package socket

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room/allowance"
)

// BenchmarkRates is what a frame costs to be counted, of its connection and its user.
func BenchmarkRates(b *testing.B) {
	many := allowance.Rate{PerSecond: 1e9, Burst: 1e9}
	table := allowance.New(allowance.Rates{allowance.Frames: many, allowance.FrameBytes: many, allowance.Refusals: many})
	s := &session{
		h:   &Handler{},
		may: table.Of(uuid.New()),
	}
	s.h.SetLimits(Limits{Frames: many, FrameBytes: many})
	s.seat.state = live
	b.ReportAllocs()
	for b.Loop() {
		now := time.Now() // a loop reads it once a turn
		wait := s.mustWait(now)
		s.takeBytes(100, now)
		if !s.takeFrame(now) || wait > 0 {
			b.Fatal("refused")
		}
	}
}
