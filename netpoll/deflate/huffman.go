package deflate

import "math/bits"

// The bounds of RFC 1951's Huffman codes.
const (
	codeBitsMax    = 15
	literalsMax    = 286 // literals, the end of a block, and lengths
	distancesMax   = 30
	fixedLiterals  = 288 // two of them stand for nothing
	lengthCodesMax = 19
)

// fastBits is the length up to which one look into a table decodes a code. The
// longer ones, which are rare, are found bit by bit.
const fastBits = 9

// huffman decodes one Huffman code.
type huffman struct {
	fast    [1 << fastBits]entry    // by the next bits, as many as mask has; 0: no code that short
	mask    uint64                  // of the part of fast that is in use
	count   [codeBitsMax + 1]uint16 // codes of each length
	symbols [fixedLiterals]uint16   // in the order of their codes
}

// entry is a symbol and the length of its code; zero is none.
type entry uint16

func (e entry) symbol() int { return int(e >> 4) }
func (e entry) bits() int   { return int(e & 0xF) }

// build makes the code of which lengths gives the length of each symbol, 0 for
// none (RFC 1951 section 3.2.2). ok is false where the lengths make no code: too
// many, or too few, but for a code of no symbol or of one symbol of one bit.
func (h *huffman) build(lengths []uint8) (ok bool) {
	h.count = [codeBitsMax + 1]uint16{}
	for _, n := range lengths {
		if n != 0 {
			h.count[n&codeBitsMax]++
		}
	}
	var at [codeBitsMax + 1]uint16 // where the symbols of each length stand
	free := 1                      // codes of the present length that are free
	total, longest := uint16(0), 0
	for n := 1; n <= codeBitsMax; n++ {
		at[n] = total
		if h.count[n] > 0 {
			total += h.count[n]
			longest = n
		}
		if free = 2*free - int(h.count[n]); free < 0 {
			return false
		}
	}
	if free > 0 && total > 0 && (total > 1 || longest != 1) {
		return false
	}
	for symbol, n := range lengths {
		if n != 0 {
			h.symbols[at[n&codeBitsMax]] = uint16(symbol)
			at[n&codeBitsMax]++
		}
	}
	h.fill(min(longest, fastBits))
	return true
}

// fill makes the table of all codes of up to longest bits. The table of n bits is
// that of n-1 bits twice, for whatever comes next, and then the codes of n bits.
func (h *huffman) fill(longest int) {
	h.fast[0] = 0
	code, at := uint16(0), 0
	for n := 1; n <= longest; n++ {
		half := 1 << (n - 1)
		copy(h.fast[half:2*half], h.fast[:half])
		for range h.count[n] {
			// Codes come from their highest bit on, everything else from the lowest.
			h.fast[bits.Reverse16(code)>>(16-n)] = entry(int(h.symbols[at])<<4 | n)
			code++
			at++
		}
		code <<= 1
	}
	h.mask = 1<<longest - 1
}

// next decodes the code that the next bits begin with; zero where they are none.
func (h *huffman) next(next uint64) entry {
	if e := h.fast[next&h.mask&(1<<fastBits-1)]; e != 0 {
		return e
	}
	return h.slow(next)
}

// slow decodes the next bits one by one; zero where they are no code.
func (h *huffman) slow(next uint64) entry {
	code, first, at := 0, 0, 0 // the bits so far; the first code of this length; its symbol's place
	for n := 1; n <= codeBitsMax; n++ {
		code |= int(next & 1)
		next >>= 1
		count := int(h.count[n])
		if code-first < count {
			return entry(int(h.symbols[at+code-first])<<4 | n)
		}
		at += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0
}

// fixedCodes are those of blocks of type 1 (RFC 1951 section 3.2.6).
var fixedLiteral, fixedDistance = fixedCodes()

func fixedCodes() (literal, distance *huffman) {
	var lengths [fixedLiterals]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	literal, distance = new(huffman), new(huffman)
	literal.build(lengths[:])
	for i := range 32 {
		lengths[i] = 5
	}
	distance.build(lengths[:32])
	return literal, distance
}
