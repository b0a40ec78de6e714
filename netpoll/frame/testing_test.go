package frame

import (
	"encoding/binary"
	"fmt"
)

// heard is a Sink that writes down what it is told and stops at a close frame.
type heard struct {
	events []string
	frames int // of the last message
}

func (h *heard) Message(text, compressed bool, payload []byte, frames int) bool {
	h.frames = frames
	h.events = append(h.events, messageEvent(text, compressed, payload))
	return true
}

func (h *heard) Ready(bool) bool { return true }

func (h *heard) Control(op Op, payload []byte) bool {
	h.events = append(h.events, controlEvent(op, payload))
	return op != OpClose
}

func messageEvent(text, compressed bool, payload []byte) string {
	return fmt.Sprintf("message text=%v compressed=%v %q", text, compressed, payload)
}

func controlEvent(op Op, payload []byte) string {
	return fmt.Sprintf("control %x %q", uint8(op), payload)
}

// hesitant is a Sink that is not ready each other time.
type hesitant struct {
	heard
	asked int
}

func (h *hesitant) Ready(bool) bool {
	h.asked++
	return h.asked%2 == 1
}

// readHesitantly feeds b in pieces as read does, and what was not wanted again.
func readHesitantly(b []byte, lim *Limits, size int) ([]string, *Violation) {
	var r Reader
	h := &hesitant{}
	for len(b) > 0 {
		piece := append([]byte(nil), b[:min(max(size, 1), len(b))]...)
		for len(piece) > 0 {
			n, v := r.Feed(piece, lim, h)
			if v != nil {
				return h.events, v
			}
			if len(h.events) > 0 && h.events[len(h.events)-1][:9] == "control 8" {
				return h.events, nil
			}
			piece, b = piece[n:], b[n:]
		}
	}
	return h.events, nil
}

// read feeds b in pieces of the sizes given, the last one again and again, and
// returns what was heard and the violation.
func read(b []byte, lim *Limits, sizes ...int) ([]string, *Violation) {
	var r Reader
	h := &heard{}
	for i := 0; len(b) > 0; i++ {
		n := min(max(sizes[min(i, len(sizes)-1)], 1), len(b))
		piece := append([]byte(nil), b[:n]...) // Feed changes it
		_, v := r.Feed(piece, lim, h)
		if clear(piece); v != nil {
			return h.events, v
		}
		if len(h.events) > 0 && h.events[len(h.events)-1][:9] == "control 8" {
			break
		}
		b = b[n:]
	}
	return h.events, nil
}

var testMask = [4]byte{0x37, 0xFA, 0x21, 0x3D}

// client makes a client's frame: the first byte, the mask bit, the length in its
// shortest form, the mask, the payload masked byte by byte.
func client(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return maskOnto(append(b, testMask[:]...), testMask, payload)
}

func maskOnto(b []byte, mask [4]byte, payload string) []byte {
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

// First bytes of frames.
const (
	fin        = 0x80
	text       = 0x81
	binaryWord = 0x82
	closing    = 0x88
	ping       = 0x89
	pong       = 0x8A
	textBegin  = 0x01
	binBegin   = 0x02
	goOn       = 0x00
	goOnLast   = 0x80
)

func join(frames ...[]byte) (all []byte) {
	for _, f := range frames {
		all = append(all, f...)
	}
	return all
}

// payloadOf returns the payload of a frame that AppendFrame made.
func payloadOf(b []byte) []byte {
	switch b[1] {
	case length16:
		return b[4:]
	case length64:
		return b[10:]
	default:
		return b[2:]
	}
}
