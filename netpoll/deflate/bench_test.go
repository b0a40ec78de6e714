package deflate

import (
	"fmt"
	"testing"
)

var sizes = []int{64, 256, 1024, 10_000, 100_000}

func BenchmarkDeflate(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			message := chatter(n)
			var dst []byte
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				dst = Deflate(dst[:0], message)
			}
			b.ReportMetric(float64(len(dst)), "bytes")
		})
	}
}

func BenchmarkInflate(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			src := deflated(chatter(n), 6)
			var dst []byte
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = Inflate(dst[:0], src, n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
