package media

import "encoding/binary"

// cursor reads numbers and boxes out of bytes that are all there. What is beyond the end is
// 0, and makes it bad.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) bytes(n int) []byte {
	if n > len(c.b) {
		c.b, c.bad = nil, true
		return make([]byte, min(n, 8))
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

// uint reads a number of up to 8 bytes.
func (c *cursor) uint(n int) (v uint64) {
	for _, b := range c.bytes(min(n, 8)) {
		v = v<<8 | uint64(b)
	}
	return v
}

// id reads the number of an item, which has 4 bytes or 2.
func (c *cursor) id(wide bool) uint32 {
	if wide {
		return uint32(c.uint(4))
	}
	return uint32(c.uint(2))
}

// version reads what a full box begins with.
func (c *cursor) version() (version byte, flags uint32) {
	v := uint32(c.uint(4))
	return byte(v >> 24), v & 0xFFFFFF
}

// boxes yields the names of the boxes, and each with its header.
func (c *cursor) boxes(yield func(name string, inner []byte) bool) {
	for len(c.b) > 0 {
		if len(c.b) < boxHeadBytes {
			c.bad = true
			return
		}
		size := binary.BigEndian.Uint32(c.b)
		if size < boxHeadBytes || uint64(size) > uint64(len(c.b)) {
			c.bad = true
			return
		}
		inner := c.bytes(int(size))
		if !yield(string(inner[4:8]), inner) {
			return
		}
	}
}
