package wire

import (
	"encoding/binary"
	"errors"
)

// Op is a WebSocket opcode (RFC 6455, section 5.2).
type Op byte

// The opcodes of RFC 6455.
const (
	OpContinuation Op = 0x0
	OpText         Op = 0x1
	OpBinary       Op = 0x2
	OpClose        Op = 0x8
	OpPing         Op = 0x9
	OpPong         Op = 0xA
)

// Control reports whether frames of this opcode may come between fragments.
func (o Op) Control() bool { return o&0x8 != 0 }

// Frame is one frame as the server sent it.
type Frame struct {
	Op      Op
	Fin     bool
	Payload []byte // part of the bytes that Split was given
}

// What a server must not send.
var (
	ErrReservedBits   = errors.New("frame with a reserved bit that was not negotiated")
	ErrMasked         = errors.New("masked frame from a server")
	ErrOpcode         = errors.New("frame with an unknown opcode")
	ErrControlFrame   = errors.New("control frame that is fragmented or longer than 125 bytes")
	ErrPayloadTooLong = errors.New("frame longer than the harness accepts")
)

const (
	headBytesMax    = 14  // 2, length of 8, key of 4
	controlBytesMax = 125 // RFC 6455, section 5.5
)

// Split takes the first frame off p. It returns how many bytes the frame used;
// 0 and no error mean that p holds only a part of it.
func Split(p []byte, payloadMax int) (Frame, int, error) {
	if len(p) < 2 {
		return Frame{}, 0, nil
	}
	f := Frame{Op: Op(p[0] & 0x0f), Fin: p[0]&0x80 != 0}
	if p[0]&0x70 != 0 {
		return f, 0, ErrReservedBits
	}
	if p[1]&0x80 != 0 {
		return f, 0, ErrMasked
	}
	size, head := uint64(p[1]), 2
	switch size {
	case 126:
		if len(p) < 4 {
			return f, 0, nil
		}
		size, head = uint64(binary.BigEndian.Uint16(p[2:])), 4
	case 127:
		if len(p) < 10 {
			return f, 0, nil
		}
		size, head = binary.BigEndian.Uint64(p[2:]), 10
	}
	switch f.Op {
	case OpContinuation, OpText, OpBinary:
		if size > uint64(payloadMax) {
			return f, 0, ErrPayloadTooLong
		}
	case OpClose, OpPing, OpPong:
		if size > controlBytesMax || !f.Fin {
			return f, 0, ErrControlFrame
		}
	default:
		return f, 0, ErrOpcode
	}
	if uint64(len(p)-head) < size {
		return f, 0, nil
	}
	end := head + int(size)
	f.Payload = p[head:end:end]
	return f, end, nil
}

// AppendFrame appends a whole, masked frame, as a client must send it.
func AppendFrame(dst []byte, op Op, key [4]byte, payload []byte) []byte {
	dst = appendHead(dst, op, key, len(payload))
	at := len(dst)
	dst = append(dst, payload...)
	mask(dst[at:], key, 0)
	return dst
}

// AppendClose appends a masked close frame with a status and no reason.
func AppendClose(dst []byte, key [4]byte, code uint16) []byte {
	var status [2]byte
	binary.BigEndian.PutUint16(status[:], code)
	return AppendFrame(dst, OpClose, key, status[:])
}

// CloseCode reads the status of a close frame's payload; 1005 if it has none.
func CloseCode(payload []byte) uint16 {
	const noStatus = 1005
	if len(payload) < 2 {
		return noStatus
	}
	return binary.BigEndian.Uint16(payload)
}

func appendHead(dst []byte, op Op, key [4]byte, size int) []byte {
	dst = append(dst, 0x80|byte(op))
	switch {
	case size < 126:
		dst = append(dst, 0x80|byte(size))
	case size <= 0xffff:
		dst = append(dst, 0x80|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(size))
	default:
		dst = append(dst, 0x80|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(size))
	}
	return append(dst, key[:]...)
}

// mask applies the key to p, whose first byte is the payload's byte number pos.
func mask(p []byte, key [4]byte, pos int) {
	for i := range p {
		p[i] ^= key[(pos+i)&3]
	}
}
