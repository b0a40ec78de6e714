package proxyheader

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// v2 is a header of version 2 whose addresses and further bytes are rest.
func v2(command, family byte, rest string) string {
	b := append([]byte(signature), command, family)
	return string(binary.BigEndian.AppendUint16(b, uint16(len(rest)))) + rest
}

const (
	inetAddresses  = "\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb" // 192.0.2.7:56324
	inet6Addresses = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\xdc\x04\x01\xbb"
	mappedAddresses = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x07" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\xdc\x04\x01\xbb"
)

// rows are headers with what they come to: an address, "" for none, or an error.
var rows = []struct {
	header, client string
	err            error
}{
	{"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", "192.0.2.7:56324", nil},
	{"PROXY TCP6 2001:db8::7 2001:db8::1 0 65535\r\n", "[2001:db8::7]:0", nil},
	{"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 1 2\r\n", "192.0.2.7:1", nil},
	{"PROXY UNKNOWN\r\n", "", nil},
	{"PROXY UNKNOWN ffff:f...f:ffff whatever it says\r\n", "", nil},
	{v2(proxied, 0x11, inetAddresses), "192.0.2.7:56324", nil},
	{v2(proxied, 0x11, inetAddresses+"\x03\x00\x04abcd\x04\x00\x00"), "192.0.2.7:56324", nil},
	{v2(proxied, 0x21, inet6Addresses), "[2001:db8::7]:56324", nil},
	{v2(proxied, 0x21, mappedAddresses), "192.0.2.7:56324", nil},
	{v2(proxied, 0x31, strings.Repeat("x", unixLen)), "", nil},
	{v2(proxied, 0x00, ""), "", nil},
	{v2(local, 0x00, ""), "", nil},
	{v2(local, 0x11, inetAddresses), "", nil},
	{v2(local, 0xFF, "abc"), "", nil},
	{v2(proxied, 0x11, inetAddresses+strings.Repeat("t", BytesMax-addressAt-inetLen)), "192.0.2.7:56324", nil},

	{"GET / HTTP/1.1\r\n", "", ErrNone},
	{"PUT /proxy HTTP/1.1\r\n", "", ErrNone},
	{"PROXX TCP4", "", ErrNone},
	{"\r\nGET / HTTP/1.1\r\n", "", ErrNone},
	{"\x16\x03\x01", "", ErrNone},
	{"proxy tcp4 192.0.2.7 198.51.100.1 56324 443\r\n", "", ErrNone},
	{"PROXY TCP5 192.0.2.7 198.51.100.1 56324 443\r\n", "", ErrMalformed},
	{"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", "", ErrMalformed},
	{"PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n", "", ErrMalformed},
	{"PROXY TCP6 fe80::1%eth0 2001:db8::1 1 2\r\n", "", ErrMalformed},
	{"PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n", "", ErrMalformed},
	{"PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n", "", ErrMalformed},
	{"PROXY TCP4 192.0.2.7 198.51.100.1 01 443\r\n", "", ErrMalformed},
	{"PROXY TCP4 192.0.2.7 198.51.100.1 -1 443\r\n", "", ErrMalformed},
	{"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n", "", ErrMalformed},
	{"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n", "", ErrMalformed},
	{"PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n", "", ErrMalformed},
	{"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n\r\n", "", ErrMalformed},
	{"PROXY \r\n", "", ErrMalformed},
	{"PROXY UNKNOWN" + strings.Repeat(" ", lineBytesMax), "", ErrTooLong},
	{v2(0x11, 0x11, inetAddresses), "", ErrMalformed},
	{v2(0x22, 0x11, inetAddresses), "", ErrMalformed},
	{v2(proxied, 0x41, inetAddresses), "", ErrMalformed},
	{v2(proxied, 0x13, inetAddresses), "", ErrMalformed},
	{v2(proxied, 0x11, inetAddresses[:inetLen-1]), "", ErrMalformed},
	{v2(proxied, 0x21, inet6Addresses[:inet6Len-1]), "", ErrMalformed},
	{v2(proxied, 0x31, strings.Repeat("x", unixLen-1)), "", ErrMalformed},
	{v2(local, 0x00, strings.Repeat("t", BytesMax-addressAt+1)), "", ErrTooLong},
}

// TestEachHeader as it comes whole, with a request behind it, and byte for byte: the answer
// does not depend on how it is cut.
func TestEachHeader(t *testing.T) {
	for _, row := range rows {
		want := ""
		if row.client != "" {
			want = netip.MustParseAddrPort(row.client).String()
		}
		const request = "GET / HTTP/1.1\r\n\r\n"
		client, n, err := Parse([]byte(row.header + request))
		got := ""
		if client.IsValid() {
			got = client.String()
		}
		if got != want || !errors.Is(err, row.err) || err == nil && n != len(row.header) {
			t.Errorf("%.60q: %s in %d bytes, %v; want %s, %v", row.header, got, n, err, want, row.err)
		}
		checkPieces(t, []byte(row.header+request))
	}
}

// checkPieces parses what has come after each byte, until there is an answer, and compares it
// with that of all bytes.
func checkPieces(t *testing.T, b []byte) {
	t.Helper()
	client, n, err := Parse(b)
	for i := range len(b) + 1 {
		c, m, e := Parse(b[:i])
		if m == 0 && e == nil {
			if i > BytesMax {
				t.Fatalf("%.60q: more is waited for behind %d bytes", b, i)
			}
			continue
		}
		if c != client || m != n || !errors.Is(e, err) {
			t.Fatalf("%.60q: after %d bytes %v %d %v; of all %v %d %v", b, i, c, m, e, client, n, err)
		}
		return
	}
	if n != 0 || err != nil {
		t.Fatalf("%.60q: no answer in pieces; of all %v %d %v", b, client, n, err)
	}
}

// FuzzHeader: whatever comes, cut in every way, is answered alike and within bounds.
func FuzzHeader(f *testing.F) {
	for _, row := range rows {
		f.Add([]byte(row.header))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), 512+addressAt)] // longer ones teach nothing
		checkPieces(t, b)
		client, n, err := Parse(b)
		switch {
		case n > len(b), err != nil && (n != 0 || client.IsValid()):
			t.Fatalf("%v in %d bytes of %d, %v", client, n, len(b), err)
		case client.IsValid() && (client.Addr().Is4In6() || client.Addr().Zone() != ""):
			t.Fatalf("the address is %v", client)
		}
		if yes, mayBe := Begins(b); yes && mayBe || (errors.Is(err, ErrNone) == (yes || mayBe)) {
			t.Fatalf("begins: %v, %v; %v", yes, mayBe, err)
		}
	})
}
