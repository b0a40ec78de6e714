package handshake

import "bytes"

// splitTarget takes a request's target apart (RFC 9112 section 3.2). authority is
// only in the absolute form. ok is false for the forms that name no resource.
func splitTarget(target []byte) (authority, path, query []byte, ok bool) {
	path = target
	if target[0] != '/' {
		scheme, rest, found := bytes.Cut(target, []byte("://"))
		if !found || !equalFold(scheme, "http") && !equalFold(scheme, "https") {
			return nil, target, nil, false
		}
		end := bytes.IndexAny(rest, "/?")
		if end < 0 {
			end = len(rest)
		}
		if authority, path = rest[:end], rest[end:]; len(authority) == 0 {
			return nil, target, nil, false
		}
	}
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		path, query = path[:i], path[i+1:]
	}
	if len(path) == 0 { // the absolute form may leave it out
		path = []byte{'/'}
	}
	return authority, path, query, true
}

// validHost tells whether the value is a host with an optional port (RFC 3986
// sections 3.2.2 and 3.2.3), without looking into an address.
func validHost(host []byte) bool {
	name, port := host, []byte(nil)
	if len(host) > 0 && host[0] == '[' {
		end := bytes.IndexByte(host, ']')
		if end < 2 || end+1 < len(host) && host[end+1] != ':' {
			return false
		}
		name = host[1:end]
		port = bytes.TrimPrefix(host[end+1:], []byte{':'})
		for _, c := range name {
			if !hostByte(c) && c != ':' {
				return false
			}
		}
	} else {
		name, port, _ = bytes.Cut(host, []byte{':'})
		for _, c := range name {
			if !hostByte(c) {
				return false
			}
		}
	}
	for _, c := range port {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(name) > 0 || len(host) == 0
}

// hostByte tells whether c may stand in a registered name.
func hostByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		bytes.IndexByte([]byte("-._~%!$&'()*+,;="), c) >= 0
}
