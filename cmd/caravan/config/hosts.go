package config

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Hosts says to which Host headers a port answers that trusts whoever reaches it. A
// page whose name was made to lead to this machine (DNS rebinding) sends its own name.
// The zero value allows addresses and localhost. It is immutable and safe for
// concurrent use.
type Hosts struct {
	any   bool
	names map[string]bool
}

// ParseHosts reads comma-separated names, or `*` for all.
func ParseHosts(s string) (Hosts, error) {
	h := Hosts{names: make(map[string]bool)}
	for name := range strings.SplitSeq(s, ",") {
		switch name = plainName(strings.TrimSpace(name)); {
		case name == "":
		case name == "*":
			h.any = true
		case strings.ContainsAny(name, "*/:?#@[] "):
			return Hosts{}, fmt.Errorf("%q is no name of a host, such as caravan.internal", name)
		default:
			h.names[name] = true
		}
	}
	return h, nil
}

// With returns h and further names: of machines, or host:port as it is listened on.
func (h Hosts) With(names ...string) Hosts {
	more := Hosts{any: h.any, names: make(map[string]bool, len(h.names)+len(names))}
	for name := range h.names {
		more.names[name] = true
	}
	for _, name := range names {
		if name = plainName(withoutPort(name)); name != "" {
			more.names[name] = true
		}
	}
	return more
}

// Allow says whether a request with that Host is answered. One without a Host is no
// browser's.
func (h Hosts) Allow(host string) bool {
	if h.any || host == "" {
		return true
	}
	name := plainName(withoutPort(host))
	_, err := netip.ParseAddr(name)
	return err == nil || name == "localhost" || h.names[name]
}

// plainName is a name in the form in which names are compared.
func plainName(s string) string { return strings.TrimSuffix(strings.ToLower(s), ".") }

// withoutPort is the host of host:port, of [address]:port, of [address], or of a host alone.
func withoutPort(s string) string {
	if host, _, err := net.SplitHostPort(s); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
}
