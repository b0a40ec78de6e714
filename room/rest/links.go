package rest

import (
	"bytes"
	"strconv"

	"github.com/valyala/fasthttp"
)

// link returns the URL of another page of the same list. It is absolute, as the
// clients of Django REST framework know it: the host is the one that the client
// asked for, the scheme what a proxy says that the client used. Without a usable
// Host it begins at the root.
func (c *call) link(path, key, value string, limit int) string {
	return c.base() + path + "?limit=" + strconv.Itoa(limit) + "&" + key + "=" + value
}

// hostBytesMax is the longest name of the DNS, and a port.
const hostBytesMax = 253 + 6

func (c *call) base() string {
	host := c.http.Request.Header.Host()
	if len(host) == 0 || len(host) > hostBytesMax || bytes.ContainsFunc(host, notInHost) {
		return ""
	}
	scheme := "http://"
	proto, _, _ := bytes.Cut(c.http.Request.Header.Peek(fasthttp.HeaderXForwardedProto), []byte(","))
	if bytes.EqualFold(bytes.TrimSpace(proto), []byte("https")) {
		scheme = "https://"
	}
	return scheme + string(host)
}

func notInHost(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return r != '.' && r != '-' && r != '_' && r != ':' && r != '[' && r != ']'
}
