package frame

import (
	"encoding/binary"
	"unicode/utf8"
)

// Close codes that this package and its callers use (section 7.4.1).
const (
	CodeProtocol    uint16 = 1002 // protocol error
	CodeUnsupported uint16 = 1003 // a kind of message that is not accepted
	CodeNone        uint16 = 1005 // no code was given; never on the wire
	CodeInvalid     uint16 = 1007 // text that is not UTF-8
	CodeTooBig      uint16 = 1009 // message too big
)

// closeReasonMax is what a control frame leaves for the reason, in bytes.
const closeReasonMax = ControlPayloadMax - 2

// ValidCloseCode tells whether the code may stand in a close frame (section 7.4):
// 1000 to 1003 and 1007 to 1014 are registered, 3000 to 4999 are free for
// libraries and applications. The others are reserved or may never be sent.
func ValidCloseCode(code uint16) bool {
	return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 ||
		code >= 3000 && code <= 4999
}

// ParseClose takes a close frame's payload apart. An empty payload is CodeNone.
// reason is part of payload. What breaks the protocol (one byte, an invalid code,
// a reason that is not UTF-8) is a Violation.
func ParseClose(payload []byte) (code uint16, reason []byte, v *Violation) {
	switch {
	case len(payload) == 0:
		return CodeNone, nil, nil
	case len(payload) == 1:
		return 0, nil, errClosePayload
	}
	code, reason = binary.BigEndian.Uint16(payload), payload[2:]
	if !ValidCloseCode(code) {
		return 0, nil, errCloseCode
	}
	if !utf8.Valid(reason) {
		return 0, nil, errCloseReason
	}
	return code, reason, nil
}

// AppendClose appends a whole close frame. CodeNone makes its payload empty; a
// reason that does not fit into a control frame is cut between two characters.
func AppendClose(dst []byte, code uint16, reason string) []byte {
	if code == CodeNone {
		return AppendHeader(dst, OpClose, false, 0)
	}
	if len(reason) > closeReasonMax {
		end := closeReasonMax
		for end > 0 && !utf8.RuneStart(reason[end]) {
			end--
		}
		reason = reason[:end]
	}
	dst = AppendHeader(dst, OpClose, false, 2+len(reason))
	dst = binary.BigEndian.AppendUint16(dst, code)
	return append(dst, reason...)
}
