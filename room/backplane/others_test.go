package backplane

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestLimitsOfOthersFitTogether(t *testing.T) {
	if unheardAfter <= meetEvery+liveFor {
		t.Error("a node that dies is missed before it is forgotten")
	}
	if liveFor <= meetEvery || meetTimeout >= meetEvery {
		t.Error("a node that lives is forgotten")
	}
}

// TestWhoLivesIsHeard plays a minute of two other nodes, seen each five seconds.
func TestWhoLivesIsHeard(t *testing.T) {
	const slots = 2
	a, b := uuid.New(), uuid.New()
	both := func(int) []uuid.UUID { return []uuid.UUID{a, b} }
	always := func(int) bool { return true }
	for name, c := range map[string]struct {
		lives func(second int) []uuid.UUID // as the database says
		beats func(second int) bool        // b is heard in slot 1; all else always is
		since func(second int) int         // own heartbeats have come back since then
		want  func(second int) int32       // how many are not heard
	}{
		"all is well":                  {lives: both, beats: always},
		"alone":                        {lives: func(int) []uuid.UUID { return nil }, beats: always},
		"b uses another server":        {lives: both, beats: func(int) bool { return false }, want: func(s int) int32 { return count(s > 15) }},
		"b goes to another server":     {lives: both, beats: func(s int) bool { return s < 20 }, want: func(s int) int32 { return count(s > 30) }},
		"b comes back":                 {lives: both, beats: func(s int) bool { return s >= 40 }, want: func(s int) int32 { return count(s > 15 && s < 40) }},
		"b dies":                       {beats: func(s int) bool { return s <= 20 }, lives: func(s int) []uuid.UUID { return both(0)[:2-count(s > 20+8)] }},
		"b starts":                     {beats: func(s int) bool { return s >= 25 }, lives: func(s int) []uuid.UUID { return both(0)[:2-count(s < 20)] }},
		"b is cut off from Redis":      {beats: func(s int) bool { return s < 20 }, lives: func(s int) []uuid.UUID { return both(0)[:2-count(s > 25)] }},
		"one heartbeat of b in two":    {lives: both, beats: func(s int) bool { return s%10 == 0 }},
		"this node was cut from Redis": {lives: both, beats: func(s int) bool { return s < 10 || s > 40 }, since: func(s int) int { return min(s, 40) }},
	} {
		t.Run(name, func(t *testing.T) {
			var o others
			for s := 5; s <= 60; s += 5 {
				now := time.Duration(s) * time.Second
				since := time.Duration(0)
				if c.since != nil {
					since = time.Duration(c.since(s)) * time.Second
				}
				o.heard(a, 0, uint64(now), now)
				o.heard(a, 1, uint64(now), now)
				o.heard(b, 0, uint64(now), now)
				if c.beats(s) {
					o.heard(b, 1, uint64(now), now)
				}
				o.look(c.lives(s), slots, since, now)
				want := int32(0)
				if c.want != nil {
					want = c.want(s)
				}
				if got := o.unheard.Load(); got != want && (s > 20 || want == 0) { // the first look is when b is met
					t.Errorf("after %d s %d are not heard, want %d", s, got, want)
				}
			}
		})
	}
}

func count(is bool) int32 {
	if is {
		return 1
	}
	return 0
}

// TestARepeatedHeartbeatIsNotHeard: somebody else may have kept it.
func TestARepeatedHeartbeatIsNotHeard(t *testing.T) {
	var o others
	node := []uuid.UUID{uuid.New()}
	o.look(node, 1, 0, time.Second)
	o.heard(node[0], 0, 7, 2*time.Second)
	for s := 3 * time.Second; s < 30*time.Second; s += time.Second {
		o.heard(node[0], 0, 7, s)
		o.look(node, 1, 0, s)
	}
	if o.unheard.Load() != 1 {
		t.Error("what was repeated counts")
	}
}
