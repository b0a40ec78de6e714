package memory

import "testing"

func TestMemoryIsGivenBackOnceItIsCalm(t *testing.T) {
	const mib = 1 << 20
	var c calm
	made := uint64(0)
	for _, step := range []struct {
		what         string
		made         uint64 // since the step before
		alive, spare int64
		want         bool
	}{
		{"a storm", 100 * mib, 40 * mib, 60 * mib, false},
		{"its end", 9 * mib, 40 * mib, 61 * mib, false},
		{"calm", mib / 2, 40 * mib, 61 * mib, true},
		{"nothing to win", mib / 2, 40 * mib, mib, false},
		{"little to win", mib / 2, 40 * mib, 9 * mib, false},
		{"enough again", mib / 2, 40 * mib, 11 * mib, true},
		{"enough, and at work", 6 * mib, 40 * mib, 15 * mib, false},
		{"a small server", 1_000, 2 * mib, 3 * mib, false},
		{"a small server that is looked at", mib, 12 * mib, 9 * mib, true},
		{"a storm that left little", mib, 12 * mib, 5 * mib, true},
		{"the same, at work", 4 * mib, 12 * mib, 9 * mib, false},
		{"a large one", 8 * mib, 500 * mib, 200 * mib, true},
		{"the same, at work", 11 * mib, 500 * mib, 200 * mib, false},
	} {
		made += step.made
		if got := c.look(held{made: made, alive: step.alive, spare: step.spare}); got != step.want {
			t.Errorf("%s: %v", step.what, got)
		}
	}
}

func TestTheHeapIsLookedAt(t *testing.T) {
	first := lookAtHeap()
	kept := make([]byte, 1<<20)
	if second := lookAtHeap(); second.made < first.made+uint64(len(kept)) || second.spare <= 0 && second.alive <= 0 {
		t.Errorf("%+v, then %+v", first, second)
	}
}
