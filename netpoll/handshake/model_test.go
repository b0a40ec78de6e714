package handshake

import (
	"encoding/base64"
	"regexp"
	"strings"
)

const tokenChars = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"

var (
	requestLine = regexp.MustCompile("^(" + tokenChars + `) ([!-"$-~]+) HTTP/([0-9])\.([0-9])$`)
	fieldLine   = regexp.MustCompile("^(" + tokenChars + "):([\t\\x20-\\x7E\\x80-\\xFF]*)$")
	hostValue   = regexp.MustCompile(`^(([-._~%!$&'()*+,;=0-9A-Za-z]+|\[[-._~%!$&'()*+,;=0-9A-Za-z:]+\])(:[0-9]*)?)?$`)
	resource    = regexp.MustCompile(`^(?:(?i:https?)://([^/?]+))?(/[^?]*)?(\?.*)?$`)
	extParam    = "[ \t]*;[ \t]*" + tokenChars + "([ \t]*=[ \t]*(" + tokenChars + `|"(\\?` + strings.TrimSuffix(tokenChars, "+") + `)+"))?`
	wholeToken  = regexp.MustCompile("^" + tokenChars + "$")
	extension   = regexp.MustCompile("^[ \t]*" + tokenChars + "(" + extParam + ")*[ \t]*$")
)

// latin1 makes each byte a character, so that a regular expression sees bytes.
func latin1(b string) string {
	r := make([]rune, len(b))
	for i := range len(b) {
		r[i] = rune(b[i])
	}
	return string(r)
}

// model is RFC 9112 and RFC 6455 section 4.2.1 in regular expressions. b is all
// that a client sends.
func model(b string) string {
	head, _, whole := strings.Cut(b, "\r\n\r\n")
	if strings.HasPrefix(b, "\r\n") {
		head, _, whole = strings.Cut(b[2:], "\r\n\r\n")
		head = "\r\n" + head
		if strings.HasPrefix(b, "\r\n\r\n") {
			return "400"
		}
	}
	seen := b[:min(len(b), HeaderBytesMax)]
	if whole = whole && len(head)+4 <= HeaderBytesMax; whole {
		seen = head + "\r\n\r\n"
	}
	// What no continuation can make right is refused at once.
	if regexp.MustCompile("[\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F\\x7F]|\r[^\n]").MatchString(latin1(seen)) ||
		strings.Contains(strings.ReplaceAll(seen, "\r\n", ""), "\n") {
		if !modelVersion(seen) {
			return "505"
		}
		return "400"
	}
	if !whole {
		if len(b) > HeaderBytesMax {
			return "431"
		}
		return "waiting"
	}
	return modelHead(strings.Split(strings.TrimPrefix(head, "\r\n"), "\r\n"))
}

// modelVersion tells whether the request line, where it is whole and well formed,
// is of a version that is spoken here.
func modelVersion(b string) bool {
	line, _, found := strings.Cut(strings.TrimPrefix(b, "\r\n"), "\r\n")
	m := requestLine.FindStringSubmatch(line)
	return !found || m == nil || m[3] == "1"
}

func modelHead(lines []string) string {
	m := requestLine.FindStringSubmatch(latin1(lines[0]))
	if m == nil {
		return "400"
	}
	if m[3] != "1" {
		return "505"
	}
	fields := map[string][]string{}
	for _, line := range lines[1:] {
		f := fieldLine.FindStringSubmatch(latin1(line))
		if f == nil {
			return "400"
		}
		name := strings.ToLower(f[1])
		fields[name] = append(fields[name], strings.Trim(f[2], " \t"))
	}
	hosts := fields["host"]
	target := resource.FindStringSubmatch(m[2])
	if target == nil || target[1] == "" && !strings.HasPrefix(m[2], "/") {
		target = nil
	}
	switch {
	case len(hosts) > 1, len(hosts) == 0 && m[4] != "0":
		return "400"
	case len(hosts) == 1 && !hostValue.MatchString(hosts[0]), target != nil && !hostValue.MatchString(target[1]):
		return "400"
	}
	codings, lengths := fields["transfer-encoding"], fields["content-length"]
	body := codings != nil
	for _, length := range lengths {
		if !regexp.MustCompile("^[0-9]{1,18}$").MatchString(length) {
			return "400"
		}
		if regexp.MustCompile("[1-9]").MatchString(length) {
			if body = true; len(lengths) > 1 {
				return "400"
			}
		}
	}
	if codings != nil && (len(codings) > 1 || asciiLower(codings[0]) != "chunked" || lengths != nil || m[4] == "0") {
		return "400"
	}
	if len(fields["origin"]) > 1 || len(fields["authorization"]) > 1 {
		return "400"
	}
	upgrade := modelList(fields["upgrade"], "websocket")
	keys, versions := fields["sec-websocket-key"], fields["sec-websocket-version"]
	if !upgrade && keys == nil {
		if target == nil && (m[1] != "OPTIONS" || m[2] != "*") {
			return "400"
		}
		return "HTTP"
	}
	host := strings.Join(hosts, "")
	if target != nil && target[1] != "" {
		host = target[1]
	}
	switch {
	case m[1] != "GET":
		return "405"
	case m[4] == "0", !upgrade, !modelList(fields["connection"], "upgrade"), body, target == nil, host == "", len(versions) > 1:
		return "400"
	case len(versions) == 0 || versions[0] != "13":
		return "426"
	case len(keys) != 1 || len(keys[0]) != 24:
		return "400"
	}
	if origin := fields["origin"]; len(origin) == 1 && origin[0] == "" {
		return "400"
	}
	if key, err := base64.StdEncoding.DecodeString(keys[0]); err != nil || len(key) != 16 {
		return "400"
	}
	for _, f := range fields["sec-websocket-extensions"] {
		for _, element := range modelSplit(f) {
			if strings.Trim(element, " \t") == "" {
				continue
			}
			if !extension.MatchString(element) {
				return "400"
			}
		}
	}
	for _, f := range fields["sec-websocket-protocol"] {
		for _, element := range modelSplit(f) {
			if element = strings.Trim(element, " \t"); element != "" && !wholeToken.MatchString(element) {
				return "400"
			}
		}
	}
	return "WebSocket"
}

func modelList(fields []string, word string) bool {
	for element := range strings.SplitSeq(strings.Join(fields, ","), ",") {
		if asciiLower(strings.Trim(element, " \t")) == word {
			return true
		}
	}
	return false
}

// asciiLower: strings.ToLower also knows the Kelvin sign.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// modelSplit splits at commas; a quoted value that holds one is wrong anyway, and
// so is what comes of cutting it.
func modelSplit(f string) []string { return strings.Split(f, ",") }
