package frame

import (
	"fmt"
	"strings"
	"testing"
)

// quiet is a Sink that only counts.
type quiet struct{ messages, bytes int }

func (q *quiet) Message(_, _ bool, payload []byte, _ int) bool {
	q.messages++
	q.bytes += len(payload)
	return true
}

func (q *quiet) Ready(bool) bool { return true }

func (q *quiet) Control(Op, []byte) bool { return true }

// A whole message in the bytes fed costs no allocation, and, once the pool is
// warm, neither does one that was cut or fragmented.
func TestReadingDoesNotAllocate(t *testing.T) {
	for name, wire := range map[string][]byte{
		"small":      client(text, strings.Repeat("x", 200)),
		"control":    client(ping, strings.Repeat("x", 125)),
		"fragmented": join(client(textBegin, strings.Repeat("x", 200)), client(ping, "p"), client(goOnLast, strings.Repeat("x", 200))),
	} {
		for _, piece := range []int{len(wire), 7} {
			var r Reader
			q := &quiet{}
			scratch := make([]byte, len(wire))
			run := func() {
				copy(scratch, wire)
				for i := 0; i < len(scratch); i += piece {
					if _, v := r.Feed(scratch[i:min(i+piece, len(scratch))], &roomy, q); v != nil {
						t.Fatal(v)
					}
				}
			}
			// The pool may be emptied between two runs, so the average counts.
			if n := testing.AllocsPerRun(1000, run); n > allocsAllowed {
				t.Errorf("%s in pieces of %d: %v allocations", name, piece, n)
			}
		}
	}
}

func BenchmarkFeed(b *testing.B) {
	for _, size := range []int{16, 256, 4 << 10, 64 << 10, 1 << 20} {
		wire := client(text, strings.Repeat("Hello, wörld! ", size/15+1)[:size-1]+"x")
		for name, piece := range map[string]int{"whole": len(wire), "cut": len(wire)/2 + 1} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				var r Reader
				q := &quiet{}
				scratch := make([]byte, len(wire))
				b.SetBytes(int64(len(wire)))
				b.ReportAllocs()
				for b.Loop() {
					copy(scratch, wire)
					for i := 0; i < len(scratch); i += piece {
						if _, v := r.Feed(scratch[i:min(i+piece, len(scratch))], &roomy, q); v != nil {
							b.Fatal(v)
						}
					}
				}
			})
		}
	}
}

func BenchmarkFeedManySmall(b *testing.B) {
	var wire []byte
	const messages = 64
	for range messages {
		wire = append(wire, client(text, strings.Repeat("x", 200))...)
	}
	var r Reader
	q := &quiet{}
	scratch := make([]byte, len(wire))
	b.ReportAllocs()
	for b.Loop() {
		copy(scratch, wire)
		if _, v := r.Feed(scratch, &roomy, q); v != nil {
			b.Fatal(v)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/messages, "ns/message")
}
