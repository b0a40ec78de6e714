package visit

import (
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
)

// Proxies says whose word on the address of a client is believed. The zero value and nil
// believe nobody. It is safe for concurrent use.
type Proxies struct {
	networks atomic.Pointer[[]netip.Prefix]
}

// bitsBefore4In6 are the bits of ::ffff:0:0/96, before an address of IPv4.
const bitsBefore4In6 = 96

// ParseProxies reads comma-separated addresses and networks.
func ParseProxies(s string) (networks []netip.Prefix, err error) {
	for text := range strings.SplitSeq(s, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		network, err := netip.ParsePrefix(text)
		if err == nil && network.Addr().Is4In6() && network.Bits() >= bitsBefore4In6 {
			network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-bitsBefore4In6)
		}
		if err != nil {
			address, err := netip.ParseAddr(text)
			if err != nil || address.Zone() != "" {
				return nil, errors.New("must be addresses and networks such as 10.0.0.0/8,fd00::/8,192.0.2.7")
			}
			address = address.Unmap()
			network = netip.PrefixFrom(address, address.BitLen())
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

// Believe says who is believed from now on.
func (p *Proxies) Believe(networks []netip.Prefix) { p.networks.Store(&networks) }

// Believes says whether a peer's word is believed.
func (p *Proxies) Believes(a netip.Addr) bool {
	if p == nil {
		return false
	}
	networks := p.networks.Load()
	if networks == nil {
		return false
	}
	a = a.Unmap().WithZone("") // no network has a zone
	for _, n := range *networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// hopsMax is how many proxies may stand behind one another; what is beyond is not looked at.
const hopsMax = 16

// Client returns the address of whom a peer speaks for. header returns the value of all
// fields of a name, joined by commas as RFC 9110 says.
//
// Each proxy adds at the end whom it has heard itself. So the list is read from there, as far
// as those who speak are believed: what stands before is anybody's word. X-Forwarded-For goes
// before Forwarded, as a proxy that writes the one passes on the other as it came.
func (p *Proxies) Client(peer netip.Addr, header func(name string) string) netip.Addr {
	peer = peer.Unmap()
	if !p.Believes(peer) {
		return peer
	}
	hop, list := plainHop, header("X-Forwarded-For")
	if list == "" {
		hop, list = forwardedHop, header("Forwarded")
	}
	for range hopsMax {
		if list == "" || !p.Believes(peer) {
			break
		}
		before, last := "", list
		if i := strings.LastIndexByte(list, ','); i >= 0 {
			before, last = list[:i], list[i+1:]
		}
		address, ok := hop(last)
		if !ok {
			break // nobody knows whom this one has heard
		}
		peer, list = address, before
	}
	return peer
}

// plainHop reads an element of X-Forwarded-For.
func plainHop(element string) (netip.Addr, bool) { return parseAddress(strings.TrimSpace(element)) }

// forwardedHop reads an element of Forwarded (RFC 7239): its for.
func forwardedHop(element string) (netip.Addr, bool) {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if ok && strings.EqualFold(name, "for") {
			return parseAddress(strings.Trim(value, `"`))
		}
	}
	return netip.Addr{}, false
}

// parseAddress reads an address, with or without a port.
func parseAddress(s string) (netip.Addr, bool) {
	if whole, err := netip.ParseAddrPort(s); err == nil {
		return whole.Addr().Unmap(), whole.Addr().Zone() == ""
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inner, "]")
	}
	address, err := netip.ParseAddr(s)
	return address.Unmap(), err == nil && address.Zone() == ""
}
