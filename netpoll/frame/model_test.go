package frame

import (
	"encoding/binary"
	"unicode/utf8"
)

// model is RFC 6455 section 5 written down as plainly as possible: it has all the
// bytes at once, looks at one after the other, and keeps no state between calls.
// The Reader must agree with it however the bytes are cut.
func model(b []byte, lim *Limits) (events []string, v *Violation) {
	var (
		open, isText, compressed bool
		frames                   int
		message                  []byte
	)
	fragments := lim.FragmentsMax
	if fragments == 0 {
		fragments = 1024 + lim.MessageBytesMax/64
	}
	for len(b) > 0 {
		first := b[0]
		op, isFin, rsv1 := first&0x0F, first&0x80 != 0, first&0x40 != 0
		isControl := op >= 8
		isData := op == 1 || op == 2
		if first&0x30 != 0 {
			return events, errReservedBits
		}
		if op > 2 && op < 8 || op > 10 {
			return events, errOpcode
		}
		if rsv1 && !(lim.Compression && isData) {
			return events, errCompressedBit
		}
		if isControl && !isFin {
			return events, errControlCut
		}
		if op == 0 && !open {
			return events, errContinuation
		}
		if isData && open {
			return events, errInterleaved
		}
		if len(b) < 2 {
			return events, nil
		}
		if b[1] < 0x80 {
			return events, errUnmasked
		}
		if op == 2 && lim.TextOnly {
			return events, errBinary
		}
		if !isControl && frames == fragments {
			return events, errMessagePieces
		}
		short := int(b[1] & 0x7F)
		if isControl && short > 125 {
			return events, errControlLong
		}
		length, at := uint64(short), 2
		if short == 126 {
			if at = 4; len(b) < at {
				return events, nil
			}
			if length = uint64(binary.BigEndian.Uint16(b[2:])); length < 126 {
				return events, errLengthForm
			}
		}
		if short == 127 {
			if at = 10; len(b) < at {
				return events, nil
			}
			length = binary.BigEndian.Uint64(b[2:])
			if length >= 1<<63 {
				return events, errLengthHighBit
			}
			if length < 1<<16 {
				return events, errLengthForm
			}
		}
		if !isControl && length+uint64(len(message)) > uint64(lim.MessageBytesMax) {
			return events, errMessageBytes
		}
		if len(b) < at+4 {
			return events, nil
		}
		mask := b[at : at+4]
		var payload []byte
		for i := 0; uint64(i) < length && at+4+i < len(b); i++ {
			payload = append(payload, b[at+4+i]^mask[i%4])
		}
		whole := uint64(len(payload)) == length
		b = b[at+4+len(payload):]

		if isControl {
			if !whole {
				return events, nil
			}
			if op == 8 {
				if v := modelClose(payload); v != nil {
					return events, v
				}
				return append(events, controlEvent(OpClose, payload)), nil
			}
			events = append(events, controlEvent(Op(op), payload))
			continue
		}
		if isData {
			open, isText, compressed, frames, message = true, op == 1, rsv1, 0, nil
		}
		frames++
		message = append(message, payload...)
		last := whole && isFin
		if isText && !compressed && !modelText(message, last) {
			return events, errText
		}
		if last {
			events = append(events, messageEvent(isText, compressed, message))
			open, message, frames = false, nil, 0
		}
	}
	return events, nil
}

// modelText tells whether b is UTF-8 or, where more may come, can become it.
func modelText(b []byte, last bool) bool {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			return !last && canBecomeRune(b)
		}
		b = b[size:]
	}
	return true
}

// canBecomeRune tries whether bytes put behind b make a character of it.
func canBecomeRune(b []byte) bool {
	for n := 1; len(b)+n <= 4; n++ {
		for _, next := range []byte{0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF} {
			whole := append([]byte{}, b...)
			whole = append(whole, next)
			for len(whole) < len(b)+n {
				whole = append(whole, 0x80)
			}
			if r, size := utf8.DecodeRune(whole); size == len(whole) && r != utf8.RuneError {
				return true
			}
			// U+FFFD itself is a character too.
			if string(whole) == "\uFFFD" {
				return true
			}
		}
	}
	return false
}

func modelClose(payload []byte) *Violation {
	if len(payload) == 0 {
		return nil
	}
	if len(payload) == 1 {
		return errClosePayload
	}
	switch code := int(payload[0])<<8 | int(payload[1]); code {
	case 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014:
	default:
		if code < 3000 || code > 4999 {
			return errCloseCode
		}
	}
	if !utf8.ValidString(string(payload[2:])) {
		return errCloseReason
	}
	return nil
}
