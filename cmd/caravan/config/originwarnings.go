package config

import (
	"net/netip"
	"slices"
	"strings"
)

// warnings says of patterns that they fit more pages than their author may think of.
func (o Origins) warnings() (warnings []string) {
	if o.any {
		warnings = append(warnings, "--allowed-origins: * lets the pages of every site connect")
	}
	secure := slices.ContainsFunc(o.patterns, func(p originPattern) bool { return p.scheme == "https" })
	for i := range o.patterns {
		if what := o.patterns[i].warning(secure); what != "" {
			warnings = append(warnings, "--allowed-origins: "+o.patterns[i].text+" "+what)
		}
	}
	return warnings
}

// warning says what a pattern fits besides. secure: others ask for https.
func (p *originPattern) warning(secure bool) string {
	evil := func(host string) string { return strings.TrimPrefix(p.scheme+"://"+host, "://") }
	switch {
	case p.local():
	case p.star && p.suffix == "" && p.prefix == "":
		return "lets the pages of every site connect"
	case p.star && p.suffix == "" && !strings.HasSuffix(p.prefix, ":"): // a star for the port is fine
		return "fits every site whose name begins so, such as " + evil(p.prefix+"evil.example")
	case p.star && p.suffix != "" && !strings.HasPrefix(p.suffix, ".") && !strings.HasPrefix(p.suffix, ":"):
		return "fits every site whose name ends so, such as " + evil(p.prefix+"evil"+p.suffix) + ": a dot behind the star keeps to one domain"
	case p.star && strings.HasPrefix(p.suffix, ".") && !strings.Contains(p.suffix[1:], "."):
		return "fits every site of a whole top-level domain"
	case p.scheme == "http" && secure:
		return "lets pages connect that came without TLS, which anybody on the way may have changed, beside those with https"
	case p.scheme == "":
		return "has no scheme, so it fits http as well: pages that came without TLS, which anybody on the way may have changed"
	}
	return ""
}

// local says whether the pages are of this machine.
func (p *originPattern) local() bool {
	if p.star && p.suffix != "" {
		return withoutPort(p.suffix) == ".localhost"
	}
	return isHere(strings.TrimSuffix(p.prefix, ":"))
}

// isHere says whether a host, with or without a port, is this machine, for itself alone.
func isHere(at string) bool {
	host := withoutPort(at)
	address, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || (err == nil && address.IsLoopback())
}
