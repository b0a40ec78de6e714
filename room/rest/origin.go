package rest

import "github.com/valyala/fasthttp"

// shareWithOrigin lets the page of an allowed Origin read the answer. The
// request itself is answered whatever its Origin: the token in the header, which
// a foreign page cannot have, is what protects the caller.
func (c *call) shareWithOrigin() bool {
	origin := string(c.http.Request.Header.Peek(fasthttp.HeaderOrigin))
	header := &c.http.Response.Header
	header.Set(fasthttp.HeaderVary, fasthttp.HeaderOrigin)
	if origin == "" || c.cfg.AllowOrigin == nil || !c.cfg.AllowOrigin(origin, string(c.http.Host())) {
		return false
	}
	header.Set(fasthttp.HeaderAccessControlAllowOrigin, origin)
	header.Set(fasthttp.HeaderAccessControlExposeHeaders, fasthttp.HeaderRetryAfter)
	return true
}

// preflight answers OPTIONS: what a route can do, and, to an allowed Origin,
// that its pages may do it.
func (c *call) preflight(r *route, allowed bool) {
	header := &c.http.Response.Header
	header.Set(fasthttp.HeaderAllow, r.allow)
	if allowed {
		header.Set(fasthttp.HeaderAccessControlAllowMethods, r.allow)
		header.Set(fasthttp.HeaderAccessControlAllowHeaders, "Authorization, Content-Type")
		header.Set(fasthttp.HeaderAccessControlMaxAge, preflightAgeSeconds)
	}
	c.http.SetStatusCode(fasthttp.StatusNoContent)
}
