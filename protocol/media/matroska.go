package media

import (
	"math/bits"
	"slices"
)

// matroskaCleaner walks the elements of WebM and Matroska. They refer to each other by their
// place in the file, so none moves: what is cut becomes a void element full of zeros.
type matroskaCleaner struct {
	segment bool  // it has begun
	left    int64 // of it; toTheEnd where it does not say
}

// The elements, by their numbers as they stand in the file.
const (
	elementEBML    = 0x1A45DFA3
	elementSegment = 0x18538067
	elementInfo    = 0x1549A966
	elementCluster = 0x1F43B675
	elementVoid    = 0xEC
)

// elements are those that go through. The walk goes into a segment, its information, and
// clusters that do not say how long they are, so elements of all of them come.
var elements = []uint32{
	elementEBML, 0x114D9B74, 0x1654AE6B, elementCluster, 0x1C53BB6B, // seek head, tracks, clusters, cues
	0x2AD7B1, 0x4489, 0x4D80, 0x5741, // time scale, duration, software
	0xE7, 0xA7, 0xAB, 0xA3, 0xA0, // time, position, size before, blocks
}

func (c *matroskaCleaner) step(f *Filter) error {
	if c.segment && c.left == 0 {
		f.drain()
		return nil
	}
	if end, err := f.atEnd(); err != nil {
		return err
	} else if end {
		return endIf(c.segment && c.left == toTheEnd)
	}
	const headBytesMax = 4 + 8
	head, err := f.peek(headBytesMax)
	if err != nil {
		return err
	}
	id, idBytes := vint(head, 4, false)
	size, sizeBytes := vint(head[idBytes:], 8, true)
	if idBytes == 0 || sizeBytes == 0 {
		return ErrBroken
	}
	return c.element(f, head[:idBytes+sizeBytes], uint32(id), idBytes, size)
}

// element decides what becomes of an element.
func (c *matroskaCleaner) element(f *Filter, head []byte, id uint32, idBytes int, size int64) error {
	headBytes := int64(len(head))
	switch {
	case id == elementSegment && !c.segment:
		c.segment, c.left = true, size
		f.copy(headBytes)
		return nil
	case id == elementInfo && c.segment, id == elementCluster && c.segment && size == toTheEnd:
		f.copy(headBytes)
		return c.pass(headBytes)
	case size == toTheEnd || !c.segment && id != elementEBML && id != elementVoid:
		return ErrBroken
	case slices.Contains(elements, id):
		f.copy(headBytes + size)
	default:
		if id != elementVoid {
			f.found()
		}
		f.emit(voidHead(idBytes, len(head)-idBytes, size)...)
		f.skip(headBytes)
		f.blank(size)
	}
	return c.pass(headBytes + size)
}

// pass notes that so many bytes of the segment are dealt with.
func (c *matroskaCleaner) pass(n int64) error {
	if !c.segment || c.left == toTheEnd {
		return nil
	}
	if c.left -= n; c.left < 0 {
		return ErrBroken
	}
	return nil
}

// voidHead is the header of a void element in place of another one, with the first zeros
// of its content where the other's header was longer.
func voidHead(idBytes, sizeBytes int, size int64) []byte {
	head := make([]byte, idBytes+sizeBytes)
	head[0] = elementVoid
	if idBytes > 1 && sizeBytes < 8 {
		sizeBytes++ // there is room, and the longer content may need it
	}
	size += int64(len(head) - 1 - sizeBytes)
	for i := sizeBytes; i > 0; i-- {
		head[i] = byte(size)
		size >>= 8
	}
	head[1] |= 0x80 >> (sizeBytes - 1)
	return head
}

// vint reads a number whose first byte says how long it is, and returns how long that is; 0
// where there is none. A size is without the bit that says so, toTheEnd if it is not known.
func vint(b []byte, bytesMax int, isSize bool) (v int64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	if n = bits.LeadingZeros8(b[0]) + 1; n > bytesMax || n > len(b) {
		return 0, 0
	}
	for _, c := range b[:n] {
		v = v<<8 | int64(c)
	}
	if isSize {
		all := int64(1)<<(7*n) - 1
		if v &= all; v == all {
			v = toTheEnd
		}
	}
	return v, n
}
