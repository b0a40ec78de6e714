package demo

import (
	"strings"

	"github.com/valyala/fasthttp"
)

// contentSecurityPolicy lets the page run its own files and nothing else: no
// inline script or style, no string turned into markup, and no other host but the
// one, if any, from which photos come.
func contentSecurityPolicy(photos string) string {
	return "default-src 'none'; " +
		"script-src 'self'; style-src 'self'; img-src " + strings.TrimSpace("'self' "+photos) + "; connect-src 'self' ws: wss:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'"
}

// securityHeaders are the same on every answer of the page.
func (d *Demo) securityHeaders(h *fasthttp.ResponseHeader) {
	h.Set("Content-Security-Policy", d.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
