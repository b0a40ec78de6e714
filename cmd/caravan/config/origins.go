package config

import (
	"fmt"
	"net/url"
	"strings"
)

// Origins says which web pages may talk to the server. The zero value allows the
// pages of the server's own host. It is immutable and safe for concurrent use.
type Origins struct {
	any      bool
	patterns []originPattern
}

type originPattern struct {
	text   string // as it was given
	scheme string // empty: any
	prefix string // of the host; what stands before the star
	suffix string // what stands after it
	star   bool
}

// ParseOrigins reads comma-separated patterns: `*`, a whole origin such as
// https://chat.example.com:8443, or one with a star in its host, such as
// https://*.example.com, which stands for one or more characters of the host. A
// pattern without a scheme fits every scheme.
func ParseOrigins(s string) (Origins, error) {
	var o Origins
	for pattern := range strings.SplitSeq(s, ",") {
		pattern = strings.ToLower(strings.TrimSpace(pattern))
		switch pattern {
		case "":
			continue
		case "*":
			o.any = true
			continue
		}
		p, err := parsePattern(pattern)
		if err != nil {
			return Origins{}, err
		}
		o.patterns = append(o.patterns, p)
	}
	return o, nil
}

func parsePattern(s string) (originPattern, error) {
	scheme, host, ok := strings.Cut(s, "://")
	if !ok {
		scheme, host = "", s
	}
	if host == "" || strings.ContainsAny(host, "/?#@ ") || strings.Count(host, "*") > 1 || strings.Contains(scheme, "*") {
		return originPattern{}, fmt.Errorf("%q is no pattern of an origin, such as https://*.example.com", s)
	}
	host = withoutDefaultPort(scheme, host)
	prefix, suffix, star := strings.Cut(host, "*")
	return originPattern{text: s, scheme: scheme, prefix: prefix, suffix: suffix, star: star}, nil
}

// Allow says whether a page of that Origin may talk to the server that was
// called by that Host. An empty origin is no browser's, and passes.
func (o Origins) Allow(origin, host string) bool {
	if origin == "" || o.any {
		return true
	}
	u, err := url.Parse(strings.ToLower(origin))
	if err != nil || u.Scheme == "" || u.Host == "" { // such as "null"
		return false
	}
	from := withoutDefaultPort(u.Scheme, u.Host)
	if len(o.patterns) == 0 {
		return from == withoutDefaultPort(u.Scheme, strings.ToLower(host))
	}
	for _, p := range o.patterns {
		if p.fits(u.Scheme, from) {
			return true
		}
	}
	return false
}

func (p *originPattern) fits(scheme, host string) bool {
	if p.scheme != "" && p.scheme != scheme {
		return false
	}
	if !p.star {
		return host == p.prefix
	}
	return len(host) > len(p.prefix)+len(p.suffix) && strings.HasPrefix(host, p.prefix) && strings.HasSuffix(host, p.suffix)
}

// withoutDefaultPort lets https://example.com:443 and https://example.com be the
// same, as browsers have it.
func withoutDefaultPort(scheme, host string) string {
	switch scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}
