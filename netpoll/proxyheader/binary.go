package proxyheader

import (
	"encoding/binary"
	"net/netip"
)

// A header of version 2: the signature, a byte of version and command, one of family and
// transport, the length of what follows, and the addresses.
const (
	commandAt = len(signature)
	familyAt  = commandAt + 1
	lengthAt  = familyAt + 1
	addressAt = lengthAt + 2
)

const (
	version2 = 0x20
	local    = version2     // of the proxy's own, as a health check is
	proxied  = version2 | 1 // for a client
	unknown  = 0x00         // families
	inet     = 0x10         //
	inet6    = 0x20         //
	unix     = 0x30         //
	familyOf = 0xF0         // the bits of the family; those of the transport are the others
	dgram    = 0x02         // the greatest transport
	unixLen  = 2 * 108      // bytes of the addresses
	inetLen  = 2*4 + 2*2    // and ports
	inet6Len = 2*16 + 2*2   //
)

// parseBinary reads version 2.
func parseBinary(b []byte) (client netip.AddrPort, n int, err error) {
	if len(b) > commandAt && b[commandAt] != local && b[commandAt] != proxied {
		return client, 0, ErrMalformed
	}
	if len(b) < addressAt {
		return client, 0, nil
	}
	length := int(binary.BigEndian.Uint16(b[lengthAt:]))
	n = addressAt + length
	family, transport := b[familyAt]&familyOf, b[familyAt]&^familyOf
	switch {
	case n > BytesMax:
		return client, 0, ErrTooLong
	case b[commandAt] == local: // whatever the family is
	case family > unix || transport > dgram || length < addressesLength(family):
		return client, 0, ErrMalformed
	}
	if len(b) < n {
		return client, 0, nil
	}
	if b[commandAt] == proxied {
		client = source(family, b[addressAt:n])
	}
	return client, n, nil
}

// addressesLength is how many bytes the addresses of a family have.
func addressesLength(family byte) int {
	switch family {
	case inet:
		return inetLen
	case inet6:
		return inet6Len
	case unix:
		return unixLen
	}
	return 0
}

// source reads the client's address: source and destination come first, then their ports.
func source(family byte, b []byte) netip.AddrPort {
	switch family {
	case inet:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), binary.BigEndian.Uint16(b[2*4:]))
	case inet6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)).Unmap(), binary.BigEndian.Uint16(b[2*16:]))
	}
	return netip.AddrPort{}
}
