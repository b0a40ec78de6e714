package protocol

import (
	"time"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Bytes of s that are no UTF-8 become
// U+FFFD, so that what is written is always valid JSON.
func appendString(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	dst = append(dst, '"')
	for {
		n := plain(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		dst = appendEscaped(dst, s[n])
		s = s[n+1:]
	}
}

// appendEscaped appends the escape of a quote, a backslash or a control character.
func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendStringOrNull appends s as a JSON string, or null where s is empty.
func appendStringOrNull(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return appendString(dst, s)
}

// appendTime appends t as a JSON string: RFC 3339, UTC, always six decimals, as
// in "2026-01-02T03:04:05.123456Z". What is finer than a microsecond is cut off.
func appendTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, time.RFC3339) // ends with Z, which the decimals take the place of
	var decimals = [...]byte{'.', '0', '0', '0', '0', '0', '0', 'Z', '"'}
	for i, us := 6, t.Nanosecond()/1000; us > 0; i, us = i-1, us/10 {
		decimals[i] += byte(us % 10)
	}
	return append(dst[:len(dst)-1], decimals[:]...)
}
