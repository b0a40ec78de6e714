package frame

import "encoding/binary"

// The layout of a frame's first two bytes (section 5.2).
const (
	finBit        = 0x80
	compressedBit = 0x40 // RSV1, which permessage-deflate takes
	reservedBits  = 0x30 // RSV2 and RSV3, which nobody takes
	opMask        = 0x0F

	maskBit    = 0x80
	lengthMask = 0x7F
	length16   = 126 // two bytes of length follow
	length64   = 127 // eight bytes of length follow
)

// HeaderBytesMin is the shortest header a client can send: two bytes, and four of mask.
const HeaderBytesMin = 6

// headerBytesMax is the longest header a client can send: two bytes, eight of
// length, four of mask.
const headerBytesMax = 14

// header is one frame's header, checked.
type header struct {
	op         Op
	fin        bool
	compressed bool
	mask       [4]byte
	length     int // payload bytes; within the limit
}

// message is what a header must fit to: the message that is being assembled.
type message struct {
	open   bool // a fragment came and its last one has not
	frames int  // of it so far
	bytes  int  // of it so far
}

// parse reads a header from the beginning of b into h and returns its size, or 0
// where b ends before the header does. Each check is made as soon as its byte is
// there, in the order of the bytes: so what is found does not depend on how the
// bytes were cut. What is allowed by the protocol but not wanted here is refused
// once the mask bit is there: a frame without it breaks the protocol first.
func (h *header) parse(b []byte, lim *Limits, m message) (size int, v *Violation) {
	if len(b) == 0 {
		return 0, nil
	}
	if v := h.parseFirst(b[0], lim, m); v != nil || len(b) < 2 {
		return 0, v
	}
	if b[1]&maskBit == 0 {
		return 0, errUnmasked
	}
	if v := h.unwanted(lim, m); v != nil {
		return 0, v
	}
	length, size := uint64(b[1]&lengthMask), 2
	if h.op.control() && length > ControlPayloadMax {
		return 0, errControlLong
	}
	switch length {
	case length16:
		if size += 2; len(b) < size {
			return 0, nil
		}
		if length = uint64(binary.BigEndian.Uint16(b[2:])); length < length16 {
			return 0, errLengthForm
		}
	case length64:
		if size += 8; len(b) < size {
			return 0, nil
		}
		if length = binary.BigEndian.Uint64(b[2:]); length>>63 != 0 {
			return 0, errLengthHighBit
		}
		if length <= 0xFFFF {
			return 0, errLengthForm
		}
	}
	if !h.op.control() && length > uint64(lim.MessageBytesMax-m.bytes) {
		return 0, errMessageBytes
	}
	h.length = int(length)
	if len(b) < size+4 {
		return 0, nil
	}
	h.mask = [4]byte(b[size:])
	return size + 4, nil
}

// parseFirst checks what the protocol says of the first byte: flags and opcode.
func (h *header) parseFirst(first byte, lim *Limits, m message) *Violation {
	h.op = Op(first & opMask)
	h.fin = first&finBit != 0
	h.compressed = first&compressedBit != 0
	switch {
	case first&reservedBits != 0:
		return errReservedBits
	case !h.op.known():
		return errOpcode
	case h.compressed && (!lim.Compression || h.op != OpText && h.op != OpBinary):
		return errCompressedBit
	case h.op.control():
		if !h.fin {
			return errControlCut
		}
		return nil
	case h.op == OpContinuation && !m.open:
		return errContinuation
	case h.op != OpContinuation && m.open:
		return errInterleaved
	}
	return nil
}

// unwanted judges a data frame by what this server takes.
func (h *header) unwanted(lim *Limits, m message) *Violation {
	switch {
	case h.op == OpBinary && lim.TextOnly:
		return errBinary
	case !h.op.control() && m.frames >= lim.fragmentsMax():
		return errMessagePieces
	}
	return nil
}
