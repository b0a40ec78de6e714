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
		want         due
	}{
		{"a storm", 100 * mib, 40 * mib, 60 * mib, notDue},
		{"its end", 9 * mib, 40 * mib, 61 * mib, notDue},
		{"calm", mib / 2, 40 * mib, 3 * mib, dueStormed},
		{"nothing to win", mib / 2, 40 * mib, mib, notDue},
		{"little to win", mib / 2, 40 * mib, 9 * mib, notDue},
		{"enough again", mib / 2, 40 * mib, 11 * mib, dueCalm},
		{"enough, and at work", 6 * mib, 40 * mib, 15 * mib, notDue},
		{"a small server", 1_000, 2 * mib, 3 * mib, notDue},
		{"a small server that is looked at", mib, 12 * mib, 9 * mib, dueCalm},
		{"a storm that left little", mib, 12 * mib, 5 * mib, dueCalm},
		{"the same, at work", 4 * mib, 12 * mib, 9 * mib, notDue},
		{"a large one", 8 * mib, 500 * mib, 200 * mib, dueCalm},
		{"the same, at work", 11 * mib, 500 * mib, 200 * mib, notDue},
	} {
		made += step.made
		if got := c.look(held{made: made, alive: step.alive, spare: step.spare}); got != step.want {
			t.Errorf("%s: %v, want %v", step.what, got, step.want)
		}
	}
}

// TestWhatAStormLeavesIsGivenBackOnce: however little it left beside what is alive, soon after it, and
// once; and a server that works without end, or again and again, is let work.
func TestWhatAStormLeavesIsGivenBackOnce(t *testing.T) {
	const mib = 1 << 20
	look := func(c *calm, made uint64, alive, spare int64) due {
		return c.look(held{made: c.made + made, alive: alive, spare: spare})
	}
	var c calm
	for range 3 {
		if is := look(&c, 12*mib, 14*mib, 3*mib); is != notDue {
			t.Fatalf("within the storm: %v", is)
		}
	}
	if is := look(&c, 2*mib-1, 14*mib, 3*mib); is != dueStormed {
		t.Errorf("at the first look after it, while metrics are asked for: %v", is)
	}
	for range 100 {
		if is := look(&c, mib, 14*mib, 3*mib); is != notDue {
			t.Fatalf("long after it: %v", is)
		}
	}
	for range 100 {
		if is := look(&c, 20*mib, 500*mib, 100*mib); is != notDue {
			t.Fatalf("while it works: %v", is)
		}
	}
	rests := calm{rest: 5}
	if look(&rests, 40*mib, 14*mib, 3*mib) != notDue || look(&rests, 0, 14*mib, 200*mib) != dueCalm {
		t.Error("what a storm leaves while the server rests is not given back")
	}
	for range 10 {
		if is := look(&rests, mib, 14*mib, 3*mib); is != notDue {
			t.Fatalf("that storm has been collected: %v", is)
		}
	}
	stormed := 0
	for range 300 { // ten minutes
		if is := look(&c, 130*mib, 500*mib, 100*mib); is != notDue {
			t.Fatalf("while it works: %v", is)
		}
		if look(&c, mib, 500*mib, 100*mib) == dueStormed {
			stormed++
		}
	}
	if stormed < 4 || stormed > 6 { // one for each 125 looks
		t.Errorf("in ten minutes of 300 storms it was collected %d times", stormed)
	}
}

func TestTheHeapIsLookedAt(t *testing.T) {
	first := lookAtHeap()
	kept := make([]byte, 1<<20)
	if second := lookAtHeap(); second.made < first.made+uint64(len(kept)) || second.spare <= 0 && second.alive <= 0 {
		t.Errorf("%+v, then %+v", first, second)
	}
}
