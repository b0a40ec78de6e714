package deflate

import (
	"encoding/binary"
	"errors"
	"sync"
)

// Errors of Inflate.
var (
	ErrTooBig  = errors.New("inflated message too big")
	ErrBlocks  = errors.New("deflated message in too many blocks")
	ErrCorrupt = errors.New("corrupt deflate data")
)

// The blocks that a message may come in: blocksLeast, and one for each blockBytes of the
// longest message. One with codes of its own counts as ownCodesCount, since making them
// costs as much as inflating a kilobyte. A sender that fills its blocks needs few, and one
// that flushes each fragment needs two for each.
const (
	blocksLeast   = 2048
	blockBytes    = 8
	ownCodesCount = 32
)

// Inflate appends the message that src is the deflated form of to dst. A message
// of more than max bytes is ErrTooBig, found without inflating what is beyond;
// one in far more blocks than such a message needs is ErrBlocks; what is no deflate data
// is ErrCorrupt. With an error dst is returned as it came.
//
// The time it takes is bounded by the lengths of src and of the message, the
// memory by twice the message; nothing is kept for the next one.
func Inflate(dst, src []byte, max int) ([]byte, error) {
	i := inflaters.Get().(*inflater)
	i.input = input{b: src}
	i.out, i.begin, i.end = dst, len(dst), len(dst)+max
	i.blocks = blocksLeast + max/blockBytes
	err := i.message()
	out := i.out
	i.input, i.out = input{}, nil
	inflaters.Put(i)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// inflater inflates one message. It has all of the input and writes into the
// whole output, which therefore is the window; so it needs no other. Pooled.
type inflater struct {
	input
	out        []byte
	begin, end int // of the message in out: where it begins, and where it must end
	blocks     int // that may still come
	literal    huffman
	distance   huffman
	lengths    [literalsMax + distancesMax]uint8
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// tail is what a sender takes off a message's end (RFC 7692 section 7.2.1).
var tail = [4]byte{0x00, 0x00, 0xFF, 0xFF}

// input is the message, and then the tail, bit by bit from the lowest one.
type input struct {
	b      []byte
	tailed bool   // b is the tail
	bits   uint64 // taken from b, not yet used
	n      int    // how many; what stands above them in bits is of no account
}

// enough is how many bits one symbol takes at most: a length's code and its extra
// bits, a distance's code and its extra bits.
const enough = 15 + 5 + 15 + 13

// fill makes n at least `enough`, unless the input ends before.
func (in *input) fill() {
	for in.n < enough {
		if len(in.b) >= 8 {
			in.bits |= binary.LittleEndian.Uint64(in.b) << in.n
			taken := (63 - in.n) >> 3
			in.b = in.b[taken:]
			in.n += taken << 3
			return
		}
		if len(in.b) == 0 {
			if in.tailed {
				return
			}
			in.b, in.tailed = tail[:], true
		}
		in.bits |= uint64(in.b[0]) << in.n
		in.b = in.b[1:]
		in.n += 8
	}
}

// take uses the next count bits, at most 16; n is negative where the input ended.
func (in *input) take(count int) int {
	if in.n < count {
		in.fill()
	}
	v := int(in.bits & (1<<count - 1))
	in.bits >>= count
	in.n -= count
	return v
}

// align drops the rest of a byte.
func (in *input) align() {
	in.bits >>= in.n & 7
	in.n &^= 7
}

// left is how many whole bytes are still to be used.
func (in *input) left() int {
	n := in.n>>3 + len(in.b)
	if !in.tailed {
		n += len(tail)
	}
	return n
}

// message inflates block after block until the input is used up.
func (i *inflater) message() error {
	for i.left() > 0 || i.n > 0 {
		final, kind := i.take(1), i.take(2)
		if i.n < 0 {
			return ErrCorrupt
		}
		if i.blocks--; kind == 2 {
			i.blocks -= ownCodesCount - 1
		}
		if i.blocks < 0 {
			return ErrBlocks
		}
		var err error
		switch kind {
		case 0:
			err = i.stored()
		case 1:
			err = i.compressed(fixedLiteral, fixedDistance)
		case 2:
			if !i.codes() {
				return ErrCorrupt
			}
			err = i.compressed(&i.literal, &i.distance)
		default:
			return ErrCorrupt
		}
		if err != nil {
			return err
		}
		if final == 0 {
			continue
		}
		// A sender that cannot flush ends its data and adds an empty block, which
		// the tail completes (RFC 7692 section 7.2.3.4). One that forgot the empty
		// block is understood too.
		if i.align(); i.left() == len(tail) {
			return nil
		}
	}
	return nil
}

// stored copies a block that is not compressed (RFC 1951 section 3.2.4).
func (i *inflater) stored() error {
	i.align()
	n, not := i.take(16), i.take(16)
	if i.n < 0 || n != not^0xFFFF || n > i.left() {
		return ErrCorrupt
	}
	if n > i.end-len(i.out) {
		return ErrTooBig
	}
	i.room(n)
	for ; n > 0 && i.n > 0; n-- {
		i.out = append(i.out, byte(i.take(8)))
	}
	if n == 0 {
		return nil
	}
	i.bits = 0
	if n > len(i.b) { // and on into the tail
		n -= len(i.b)
		i.out = append(i.out, i.b...)
		i.b, i.tailed = tail[:], true
	}
	i.out = append(i.out, i.b[:n]...)
	i.b = i.b[n:]
	return nil
}

// room makes out hold n more bytes, doubling it within what the message may need.
func (i *inflater) room(n int) {
	if need := len(i.out) + n; need > cap(i.out) {
		grown := make([]byte, len(i.out), max(need, min(2*cap(i.out)+256, i.end)))
		copy(grown, i.out)
		i.out = grown
	}
}

// lengthOrder is the order in which the lengths of the code lengths stand.
var lengthOrder = [lengthCodesMax]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// codes reads a block's own codes (RFC 1951 section 3.2.7).
func (i *inflater) codes() (ok bool) {
	literals, distances, given := 257+i.take(5), 1+i.take(5), 4+i.take(4)
	if literals > literalsMax || distances > distancesMax {
		return false
	}
	var lengths [lengthCodesMax]uint8
	for _, symbol := range lengthOrder[:given] {
		lengths[symbol] = uint8(i.take(3))
	}
	if i.n < 0 || !i.literal.build(lengths[:]) { // overwritten below
		return false
	}
	all := i.lengths[:literals+distances]
	for at := 0; at < len(all); {
		i.fill()
		e := i.literal.next(i.bits)
		i.take(e.bits())
		repeat, length := 1, uint8(0)
		switch symbol := e.symbol(); {
		case e == 0:
			return false
		case symbol < 16:
			length = uint8(symbol)
		case symbol == 16:
			if at == 0 {
				return false
			}
			repeat, length = 3+i.take(2), all[at-1]
		case symbol == 17:
			repeat = 3 + i.take(3)
		default:
			repeat = 11 + i.take(7)
		}
		if i.n < 0 || repeat > len(all)-at {
			return false
		}
		for k := range all[at : at+repeat] {
			all[at+k] = length
		}
		at += repeat
	}
	return i.literal.build(all[:literals]) && i.distance.build(all[literals:])
}
