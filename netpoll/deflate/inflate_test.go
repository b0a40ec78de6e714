package deflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const anySize = 1 << 20

// The examples of RFC 7692 section 7.2.3, each as one message.
func TestRFC7692Section7_2_3_Examples(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"7.2.3.1 one block":               {"\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello"},
		"7.2.3.3 no compression":          {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "Hello"},
		"7.2.3.4 final block":             {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello"},
		"7.2.3.4 without its empty one":   {"\xf3\x48\xcd\xc9\xc9\x07\x00", "Hello"},
		"7.2.3.5 two blocks":              {"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "Hello"},
		"7.2.3.6 empty":                   {"\x00", ""},
		"two final blocks":                {"\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "HelloHello"},
		"a final block, then one like it": {"\x01\x05\x00\xfa\xffHello\x00\x05\x00\xfa\xffworld\x00", "Helloworld"},
	} {
		got, err := Inflate([]byte("before:"), []byte(c.src), anySize)
		if err != nil || string(got) != "before:"+c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestInflateWhatOthersDeflated(t *testing.T) {
	for _, message := range [][]byte{nil, []byte("x"), chatter(60), chatter(1000), chatter(100_000), chatter(900_000), noise(10), noise(70_000),
		bytes.Repeat([]byte("a"), 500_000), bytes.Repeat([]byte("abcdefg"), 9_000), append(noise(40_000), noise(40_000)...)} {
		for _, level := range []int{-2, 0, 1, 6, 9} {
			got, err := Inflate(nil, deflated(message, level), anySize)
			if err != nil || !bytes.Equal(got, message) {
				t.Errorf("level %d, %d bytes: %d bytes back, %v", level, len(message), len(got), err)
			}
		}
	}
}

func TestCorruptData(t *testing.T) {
	// A literal, then length 3 at distance 30, which there is not.
	noDistance := &bitWriter{}
	noDistance.put(3, 0b010)
	noDistance.put(8, 0b00001100)
	noDistance.put(7, 0b1000000)
	noDistance.put(5, 0b01111)
	whole := deflated(chatter(600), 6)
	cases := map[string][]byte{
		"nothing":                     {},
		"block of type 3":             {0x06},
		"stored, lengths disagree":    {0x00, 0x05, 0x00, 0xFA, 0xFE, 'H'},
		"stored, beyond the end":      {0x00, 0xFF, 0x00, 0x00, 0xFF, 'H'},
		"stored, length cut":          {0x00, 0x05},
		"distance before the message": {0x02, 0x04, 0x10, 0x20, 0x40, 0x80},
		"no such distance":            noDistance.b,
		"cut":                         whole[:len(whole)/2],
		"cut by one":                  whole[:len(whole)-1],
		"too many literals":           {0xFC, 0xFF, 0xFF, 0xFF},
		"garbage":                     []byte("this is not deflated at all"),
	}
	for name, src := range cases {
		got, err := Inflate([]byte("dst"), src, anySize)
		if !errors.Is(err, ErrCorrupt) || string(got) != "dst" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if _, err := oracle(src, anySize); err == nil {
			t.Errorf("%s: the oracle takes it", name)
		}
	}
	if _, err := Inflate([]byte("window"), []byte{0x02, 0x04, 0x10, 0x20, 0x40, 0x80}, anySize); !errors.Is(err, ErrCorrupt) {
		t.Errorf("what stands in dst is not the message's window: %v", err)
	}
}

func TestMessageExactlyTheLimitIsInflated(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 257, 65_535, 65_536, 100_000} {
		for _, message := range [][]byte{chatter(n), noise(n), make([]byte, n)} {
			src := deflated(message, 6)
			got, err := Inflate(nil, src, n)
			if err != nil || !bytes.Equal(got, message) {
				t.Errorf("%d bytes: %d, %v", n, len(got), err)
			}
			if n == 0 {
				continue
			}
			if got, err = Inflate([]byte("dst"), src, n-1); !errors.Is(err, ErrTooBig) || string(got) != "dst" {
				t.Errorf("%d bytes into %d: %d, %v", n, n-1, len(got), err)
			}
		}
	}
}

// A bomb is given up at the limit, having cost memory for no more than that.
func TestBombIsBoundedInMemory(t *testing.T) {
	bomb := deflated(make([]byte, 8<<20), 9)
	const limit = 160 << 10
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, err := Inflate(nil, bomb, limit)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTooBig) {
		t.Fatal(err)
	}
	if cost := after.TotalAlloc - before.TotalAlloc; cost > 4*limit {
		t.Errorf("%d bytes allocated for a limit of %d", cost, limit)
	}
}

// Blocks that make a decoder work and give nothing: no input of the greatest size
// a chat server takes may hold its thread for long.
func TestBlocksWithoutContentAreBoundedInTime(t *testing.T) {
	const size = 160 << 10
	codes := &bitWriter{}
	for len(codes.b) < size {
		emptyDynamicBlock(codes)
	}
	for name, src := range map[string][]byte{
		"own codes": codes.b,
		"stored":    bytes.Repeat([]byte{0, 0, 0, 0xFF, 0xFF}, size/5),
		"fixed":     []byte(strings.Repeat("\x02\x08\x20\x80\x00", size/5)),
		"final":     bytes.Repeat([]byte{0x03, 0x00}, size/2),
	} {
		best := time.Hour // of several: others use the machine too
		for range 5 {
			start := time.Now()
			_, _ = Inflate(nil, src, size)
			best = min(best, time.Since(start))
		}
		if best > slowness*100*time.Millisecond {
			t.Errorf("%s: %v for %d bytes", name, best, len(src))
		}
	}
}

// Making the codes of a block is dear, so a message has no more of them than it needs.
func TestBlocksWithOwnCodesAreBounded(t *testing.T) {
	const size = 160 << 10
	codes := &bitWriter{}
	for len(codes.b) < size {
		emptyDynamicBlock(codes)
	}
	if _, err := Inflate(nil, codes.b, size); !errors.Is(err, ErrBlocks) {
		t.Error(err)
	}
}

// A sender that flushes each fragment makes many blocks.
func TestAMessageFlushedInManyFragmentsIsInflated(t *testing.T) {
	const size = 160 << 10
	message := chatter(size)
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, 9)
	if err != nil {
		t.Fatal(err)
	}
	for fragment := range slices.Chunk(message, 256) {
		if _, err := w.Write(fragment); err != nil || w.Flush() != nil {
			t.Fatal(err)
		}
	}
	got, err := Inflate(nil, bytes.TrimSuffix(out.Bytes(), tail[:]), size)
	if err != nil || !bytes.Equal(got, message) {
		t.Errorf("%v, %d bytes", err, len(got))
	}
}

// emptyDynamicBlock writes the shortest block with codes of its own: the end of a
// block and nothing else.
func emptyDynamicBlock(w *bitWriter) {
	w.put(3, 0b100)
	w.put(5, 0)  // 257 literals
	w.put(5, 0)  // 1 distance
	w.put(4, 14) // 18 lengths of code lengths: 1 and 18 have one bit each
	for _, symbol := range lengthOrder[:18] {
		if symbol == 1 || symbol == 18 {
			w.put(3, 1)
		} else {
			w.put(3, 0)
		}
	}
	zeros := func(n int) { w.put(1, 1); w.put(7, n-11) }
	zeros(138)
	zeros(117)
	w.put(1, 0) // 255: one bit
	w.put(1, 0) // 256, the end of a block: one bit
	w.put(1, 0) // distance 0: one bit
	w.put(1, 1) // the end
}

// Symbols whose frequencies grow like Fibonacci's numbers get codes of every
// length, up to the longest.
func TestLongCodes(t *testing.T) {
	var message []byte
	a, b := 1, 1
	for symbol := range 20 {
		for i := range a {
			message = append(message, byte(symbol*7+i%2))
		}
		a, b = b, a+b
	}
	// Spread, so that there is nothing to repeat.
	for i, x := len(message)-1, uint32(1); i > 0; i-- {
		x = x*1664525 + 1013904223
		j := int(x>>8) % (i + 1)
		message[i], message[j] = message[j], message[i]
	}
	src := deflated(message, -2)
	got, err := Inflate(nil, src, anySize)
	if err != nil || !bytes.Equal(got, message) {
		t.Fatalf("%d bytes back of %d, %v", len(got), len(message), err)
	}
	slow := false
	i := &inflater{input: input{b: src}}
	if i.take(1); i.take(2) == 2 && i.codes() {
		for n := fastBits + 1; n <= codeBitsMax; n++ {
			slow = slow || i.literal.count[n] > 0
		}
	}
	if !slow {
		t.Error("the test has no code longer than the table")
	}
}

func TestInflateDoesNotAllocate(t *testing.T) {
	src := deflated(chatter(1000), 6)
	dst := make([]byte, 0, 2000)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := Inflate(dst, src, anySize); err != nil {
			t.Fatal(err)
		}
	}); n > allocsAllowed {
		t.Errorf("%v allocations", n)
	}
}
