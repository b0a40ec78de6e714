package frame

import "encoding/binary"

// HeaderBytesMax is the longest header that AppendHeader makes.
const HeaderBytesMax = 10

// AppendHeader appends the header of an unfragmented, unmasked frame (a server
// masks nothing, section 5.1) whose payload of n bytes the caller appends after
// it. compressed says that the payload is a message deflated as a whole (RFC 7692
// section 6): only for OpText and OpBinary, only where it was negotiated.
func AppendHeader(dst []byte, op Op, compressed bool, n int) []byte {
	first := finBit | byte(op)
	if compressed {
		first |= compressedBit
	}
	switch {
	case n < length16:
		return append(dst, first, byte(n))
	case n <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(dst, first, length16), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, first, length64), uint64(n))
	}
}

// AppendFrame appends a whole frame; see AppendHeader.
func AppendFrame(dst []byte, op Op, compressed bool, payload []byte) []byte {
	return append(AppendHeader(dst, op, compressed, len(payload)), payload...)
}

// AppendText appends a whole, uncompressed text message.
func AppendText(dst []byte, text []byte) []byte {
	return AppendFrame(dst, OpText, false, text)
}
