package rest

import (
	"bytes"
	"strconv"

	"github.com/valyala/fasthttp"
)

// link returns the URL of another page of the same list. It is absolute, as the
// clients of Django REST framework know it: with the host that the client asked for, and
// the scheme that it used, as a trusted proxy says. Without a usable Host it begins at the
// root.
func (c *call) link(path, key, value string, limit int) string {
	return c.base() + path + "?limit=" + strconv.Itoa(limit) + "&" + key + "=" + value
}

// hostBytesMax is the longest name of the DNS, and a port.
const hostBytesMax = 253 + 6

func (c *call) base() string {
	host := c.forwarded(fasthttp.HeaderXForwardedHost)
	if len(host) == 0 {
		host = c.http.Request.Header.Host()
	}
	if len(host) == 0 || len(host) > hostBytesMax || bytes.ContainsFunc(host, notInHost) {
		return ""
	}
	scheme := "http://"
	if bytes.EqualFold(c.forwarded(fasthttp.HeaderXForwardedProto), []byte("https")) {
		scheme = "https://"
	}
	return scheme + string(host)
}

// forwarded returns what a trusted proxy says in a header of what the client asked for; empty:
// nothing.
func (c *call) forwarded(name string) []byte {
	if !c.cfg.Proxies.Believes(peerOf(c.in.Conn)) {
		return nil
	}
	first, _, _ := bytes.Cut(c.http.Request.Header.Peek(name), []byte(","))
	return bytes.TrimSpace(first)
}

func notInHost(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return r != '.' && r != '-' && r != '_' && r != ':' && r != '[' && r != ']'
}
