package frame

import (
	"slices"
	"testing"
)

// stopper stops after a number of calls, and may reset the reader inside.
type stopper struct {
	heard
	r     *Reader
	after int
	reset bool
}

func (s *stopper) step() bool {
	s.after--
	if s.reset {
		s.r.Reset()
	}
	return s.after > 0
}

func (s *stopper) Message(text, compressed bool, payload []byte, frames int) bool {
	goOn := s.step()
	s.heard.Message(text, compressed, payload, frames) // after the reset: the payload is still the sink's
	return goOn
}

func (s *stopper) Control(op Op, payload []byte) bool {
	goOn := s.step()
	s.heard.Control(op, payload)
	return goOn
}

func TestFalseFromTheSinkEndsReading(t *testing.T) {
	b := join(client(text, "a"), client(ping, "b"), client(textBegin, "c"), client(ping, "d"), client(goOnLast, "e"),
		client(text, "f"), []byte{0xFF})
	all, _ := read(b, &roomy, len(b))
	for after := 1; after <= len(all); after++ {
		for _, reset := range []bool{false, true} {
			for _, size := range []int{1, 5, len(b)} {
				var r Reader
				s := &stopper{r: &r, after: after, reset: reset && after == 1}
				for i := 0; i < len(b) && s.after > 0; i += size {
					if _, v := r.Feed(slices.Clone(b[i:min(i+size, len(b))]), &roomy, s); v != nil {
						t.Fatal(v)
					}
				}
				if !slices.Equal(s.events, all[:after]) || r.p != nil {
					t.Errorf("after %d calls (pieces of %d): heard %q, idle %v", after, size, s.events, r.p == nil)
				}
			}
		}
	}
}

func TestResetInTheMiddleMakesAFreshReader(t *testing.T) {
	var r Reader
	whole := join(client(textBegin, "ab"), client(ping, "c"), client(goOnLast, "de"))
	for cut := range len(whole) {
		if _, v := r.Feed(slices.Clone(whole[:cut]), &roomy, &heard{}); v != nil {
			t.Fatal(v)
		}
		r.Reset()
		h := &heard{}
		if _, v := r.Feed(client(text, "new"), &roomy, h); v != nil || !slices.Equal(h.events, isText("new")) {
			t.Fatalf("cut at %d: %q, %v", cut, h.events, v)
		}
	}
}
