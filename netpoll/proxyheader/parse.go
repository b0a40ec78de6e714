package proxyheader

import (
	"bytes"
	"errors"
	"net/netip"
)

const (
	// BytesMax bounds a header. The addresses take 232 bytes at most; what comes behind
	// them, such as a name or a certificate of the client's, is passed over.
	BytesMax = 4 << 10

	lineBytesMax = 107 // of version 1, its CRLF included
)

const (
	lineStart = "PROXY "
	signature = "\r\n\r\n\x00\r\nQUIT\n"
)

// Errors of Parse.
var (
	ErrNone      = errors.New("no PROXY protocol header")
	ErrMalformed = errors.New("malformed PROXY protocol header")
	ErrTooLong   = errors.New("PROXY protocol header too long")
)

// Begins tells whether b begins with a header, of any version, or is too short to tell, as
// each byte of it fits one. No HTTP request begins with either.
func Begins(b []byte) (yes, mayBe bool) {
	for _, start := range [...]string{lineStart, signature} {
		switch n := min(len(b), len(start)); {
		case string(b[:n]) != start[:n]:
		case n == len(start):
			return true, false
		default:
			mayBe = true
		}
	}
	return false, mayBe
}

// Parse reads the header that b begins with. It returns the client's address, and how many
// bytes the header takes; 0 where it has not come whole. The address is zero where the header
// names none: it is of the proxy's own, or of a client without an address of IP.
func Parse(b []byte) (client netip.AddrPort, n int, err error) {
	switch yes, mayBe := Begins(b); {
	case mayBe:
		return client, 0, nil
	case !yes:
		return client, 0, ErrNone
	case b[0] == lineStart[0]:
		return parseLine(b)
	}
	return parseBinary(b)
}

// parseLine reads version 1: PROXY TCP4 192.0.2.7 198.51.100.1 56324 443, and CRLF.
func parseLine(b []byte) (client netip.AddrPort, n int, err error) {
	line, _, whole := bytes.Cut(b[:min(len(b), lineBytesMax)], []byte("\r\n"))
	switch {
	case bytes.IndexByte(line, '\n') >= 0:
		return client, 0, ErrMalformed
	case !whole && len(b) >= lineBytesMax:
		return client, 0, ErrTooLong
	case !whole:
		return client, 0, nil
	}
	n = len(line) + len("\r\n")
	rest := line[len(lineStart):]
	if family, _, _ := bytes.Cut(rest, []byte(" ")); string(family) == "UNKNOWN" {
		return client, n, nil
	}
	fields := bytes.Split(rest, []byte(" "))
	if len(fields) != 5 {
		return client, 0, ErrMalformed
	}
	source, ok := parseAddress(string(fields[0]), string(fields[1]))
	_, destinationOK := parseAddress(string(fields[0]), string(fields[2]))
	port, portOK := parsePort(fields[3])
	_, destinationPortOK := parsePort(fields[4])
	if !ok || !destinationOK || !portOK || !destinationPortOK {
		return client, 0, ErrMalformed
	}
	return netip.AddrPortFrom(source.Unmap(), port), n, nil
}

// parseAddress reads an address of the family that version 1 names.
func parseAddress(family, text string) (a netip.Addr, ok bool) {
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil || a.Zone() != "":
		return a, false
	case family == "TCP4":
		return a, a.Is4()
	}
	return a, family == "TCP6" && a.Is6()
}

// parsePort reads a port of version 1, which has no zeros in front.
func parsePort(text []byte) (port uint16, ok bool) {
	if len(text) == 0 || len(text) > 5 || len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	n := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return uint16(n), n < 1<<16
}
