package rest

import "github.com/valyala/fasthttp"

// exposed are the headers that a page may read beside those that it always may.
const exposed = fasthttp.HeaderRetryAfter

// originLines returns the header lines that let the page of an allowed origin read
// an answer, each with its CRLF.
func (c *Config) originLines(origin, host string) string {
	lines := "Vary: Origin\r\n"
	if c.allows(origin, host) {
		lines += "Access-Control-Allow-Origin: " + origin + "\r\nAccess-Control-Expose-Headers: " + exposed + "\r\n"
	}
	return lines
}

func (c *Config) allows(origin, host string) bool {
	return origin != "" && c.AllowOrigin != nil && c.AllowOrigin(origin, host)
}

// RefusalHeader is RefusalBody's companion: it writes header lines of such an answer,
// each with its CRLF, from what came of the request.
func RefusalHeader(allowOrigin func(origin, host string) bool) func(head []byte) string {
	cfg := Config{AllowOrigin: allowOrigin}
	return func(head []byte) string {
		return cfg.originLines(peek(head, fasthttp.HeaderOrigin), peek(head, fasthttp.HeaderHost))
	}
}

// shareWithOrigin lets the page of an allowed Origin read the answer. The
// request itself is answered whatever its Origin: the token in the header, which
// a foreign page cannot have, is what protects the caller.
func (c *call) shareWithOrigin() bool {
	return c.shareWith(string(c.http.Request.Header.Peek(fasthttp.HeaderOrigin)), string(c.http.Host()))
}

func (c *call) shareWith(origin, host string) bool {
	header := &c.http.Response.Header
	header.Set(fasthttp.HeaderVary, fasthttp.HeaderOrigin)
	if !c.cfg.allows(origin, host) {
		return false
	}
	header.Set(fasthttp.HeaderAccessControlAllowOrigin, origin)
	header.Set(fasthttp.HeaderAccessControlExposeHeaders, exposed)
	return true
}

// preflight answers OPTIONS: what a route can do, and, to an allowed Origin,
// that its pages may do it.
func (c *call) preflight(r *route, allowed bool) {
	header := &c.http.Response.Header
	header.Set(fasthttp.HeaderAllow, r.allow)
	if allowed {
		header.Set(fasthttp.HeaderAccessControlAllowMethods, r.allow)
		header.Set(fasthttp.HeaderAccessControlAllowHeaders, "Authorization, Content-Type, Traceparent")
		header.Set(fasthttp.HeaderAccessControlMaxAge, preflightAgeSeconds)
	}
	c.http.SetStatusCode(fasthttp.StatusNoContent)
}
