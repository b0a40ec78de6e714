package queue

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// ints is a queue of numbers, each of which has as many bytes as it says.
func ints(itemsMax, bytesMax int) *Queue[int] {
	return New(itemsMax, bytesMax, func(n int) int { return n })
}

// TestQueueAgainstAModel does whatever comes to a queue and to a slice.
func TestQueueAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const itemsMax, bytesMax = 6, 20
		q, closed := ints(itemsMax, bytesMax), false
		var model []int
		sum := func() (n int) {
			for _, v := range model {
				n += v
			}
			return n
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				v, below := rapid.IntRange(0, 9).Draw(t, "v"), rapid.IntRange(0, itemsMax+2).Draw(t, "below")
				fits := !closed && len(model) < min(below, itemsMax) && sum()+v <= bytesMax
				if got := q.PutBelow(v, below); got != fits {
					t.Fatalf("put %d below %d to %v: %v", v, below, model, got)
				}
				if fits {
					model = append(model, v)
				}
			},
			"take": func(t *rapid.T) {
				n := rapid.IntRange(0, itemsMax+1).Draw(t, "n")
				want := append([]int{-1}, model[:min(n, len(model))]...)
				model = model[len(want)-1:]
				if got := q.Take([]int{-1}, n); !slices.Equal(got, want) {
					t.Fatalf("took %v, want %v", got, want)
				}
			},
			"remove": func(t *rapid.T) {
				odd := func(v int) bool { return v%2 == 1 }
				var want []int
				for _, v := range model {
					if odd(v) {
						want = append(want, v)
					}
				}
				model = slices.DeleteFunc(slices.Clone(model), odd)
				if got := q.Remove(nil, odd); !slices.Equal(got, want) {
					t.Fatalf("removed %v, want %v", got, want)
				}
			},
			"close": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					q.Close()
					closed = true
				}
			},
			"": func(t *rapid.T) {
				if q.Len() != len(model) || q.Bytes() != sum() {
					t.Fatalf("%d items, %d bytes; want %v", q.Len(), q.Bytes(), model)
				}
			},
		})
	})
}

// TestWhoWaitsIsWokenUp lets several takers wait: each item finds one, the end of
// the context ends one wait, and Close ends all others.
func TestWhoWaitsIsWokenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := ints(100, 1000)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if q.Wait(ctx) {
				t.Error("something was there before anything was put in")
			}
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()

		var mu sync.Mutex
		var taken []int
		var takers sync.WaitGroup
		for range 3 {
			takers.Go(func() {
				for q.Wait(t.Context()) {
					one := q.Take(nil, 1)
					mu.Lock()
					taken = append(taken, one...)
					mu.Unlock()
				}
			})
		}
		synctest.Wait()
		for n := range 10 {
			if !q.Put(n) {
				t.Error("refused ", n)
			}
		}
		synctest.Wait()
		if slices.Sort(taken); !slices.Equal(taken, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("taken: %v", taken)
		}
		q.Close()
		q.Close()
		takers.Wait()
		if q.Put(1) {
			t.Error("a closed queue took something")
		}
	})
}

func TestWhatWaitsAtTheCloseIsStillTaken(t *testing.T) {
	q := ints(10, 100)
	q.Put(1)
	q.Close()
	if !q.Wait(t.Context()) || !slices.Equal(q.Take(nil, 5), []int{1}) || q.Wait(t.Context()) {
		t.Error("what waited was lost, or the end was not told")
	}
}

// TestMemoryIsBoundedAndGivenBack keeps a queue half full for long, and empties it.
func TestMemoryIsBoundedAndGivenBack(t *testing.T) {
	q := New[int](4096, 0, nil)
	for range 2000 {
		q.Put(1)
	}
	for range 50_000 {
		q.Put(1)
		q.Take(nil, 1)
	}
	if c := cap(q.items); c > 3*4096 {
		t.Errorf("room for %d items", c)
	}
	q.Take(nil, 4096)
	if c := cap(q.items); c > keep {
		t.Errorf("an empty queue keeps room for %d items", c)
	}
}

func BenchmarkPutTake(b *testing.B) {
	q := ints(1024, 1<<20)
	var batch []int
	b.ReportAllocs()
	for b.Loop() {
		for n := range 64 {
			q.Put(n)
		}
		batch = q.Take(batch[:0], 256)
	}
}

// TestSeveralArePutTogether: a taker finds all of them, the first ones where there is no
// place for all.
func TestSeveralArePutTogether(t *testing.T) {
	q := ints(10, 100)
	if n := q.PutAllBelow([]int{1, 2, 3}, 5); n != 3 {
		t.Errorf("%d were put in", n)
	}
	if n := q.PutAllBelow([]int{4, 5, 6}, 5); n != 2 {
		t.Errorf("%d below 5", n)
	}
	if n := q.PutAllBelow([]int{80, 90}, 10); n != 1 || q.Bytes() != 95 {
		t.Errorf("%d, %d bytes", n, q.Bytes())
	}
	if got := q.Take(nil, 10); !slices.Equal(got, []int{1, 2, 3, 4, 5, 80}) {
		t.Errorf("%v", got)
	}
	if n := q.PutAllBelow(nil, 10); n != 0 || q.Len() != 0 {
		t.Errorf("of nothing: %d", n)
	}
	q.Close()
	if n := q.PutAllBelow([]int{1}, 10); n != 0 {
		t.Errorf("after the end: %d", n)
	}
}
