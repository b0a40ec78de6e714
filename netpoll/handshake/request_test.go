package handshake

import (
	"slices"
	"strings"
	"testing"
)

func TestRequestTellsWhatItHolds(t *testing.T) {
	const block = "GET /ws/chat/42/?token=a.b&since=7?8 HTTP/1.1\r\n" +
		"host: chat.example.com:8000\r\n" +
		"UPGRADE: h2c, WebSocket\r\n" +
		"Connection: keep-alive, Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		"Sec-WebSocket-Version: 13\r\n" +
		"origin:   https://example.com \t\r\n" +
		"authorization: Bearer t\r\n" +
		"User-Agent: test/1\r\n" +
		"X-Forwarded-For: 192.0.2.1\r\n" +
		"X-Forwarded-For: 192.0.2.2\r\n" +
		"X-Empty:\r\n" +
		"\r\n"
	var r Request
	if kind, refusal := Parse([]byte(block), &r); kind != WebSocket || refusal != nil {
		t.Fatal(kind, refusal)
	}
	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"method":        {r.Method, "GET"},
		"target":        {r.Target, "/ws/chat/42/?token=a.b&since=7?8"},
		"path":          {r.Path, "/ws/chat/42/"},
		"query":         {r.RawQuery, "token=a.b&since=7?8"},
		"host":          {r.Host, "chat.example.com:8000"},
		"origin":        {r.Origin, "https://example.com"},
		"authorization": {r.Authorization, "Bearer t"},
		"user agent":    {r.Header("User-Agent"), "test/1"},
		"key":           {r.Key, "dGhlIHNhbXBsZSBub25jZQ=="},
		"first of two":  {r.Header("x-FORWARDED-for"), "192.0.2.1"},
		"host again":    {r.Header("Host"), "chat.example.com:8000"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
	if r.Header("X-Missing") != nil || r.Header("X-Empty") == nil {
		t.Error("a missing field is nil, an empty one is not")
	}
}

// TestRequestTellsTheSubprotocolsInOrder: several fields are one list, and who listens may stop.
func TestRequestTellsTheSubprotocolsInOrder(t *testing.T) {
	for _, c := range []struct {
		fields []string
		want   string
	}{
		{nil, ""},
		{[]string{"Sec-WebSocket-Protocol:"}, ""},
		{[]string{"Sec-WebSocket-Protocol: b, a,,\tc "}, "b a c"},
		{[]string{"sec-websocket-PROTOCOL: b", "X-Other: z", "Sec-WebSocket-Protocol: a,b"}, "b a b"},
	} {
		var r Request
		if _, refusal := Parse([]byte(with(c.fields...)), &r); refusal != nil {
			t.Fatal(refusal)
		}
		sample := []string{"chat", "superchat"}
		var got []string
		for p := range r.Protocols() {
			got = append(got, string(p))
		}
		if want := append(sample, strings.Fields(c.want)...); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", c.fields, got, want)
		}
		for p := range r.Protocols() {
			if string(p) != got[0] {
				t.Errorf("%q: %s comes first", c.fields, p)
			}
			break
		}
	}
}

func TestRFC9112Section3_2_Targets(t *testing.T) {
	for target, want := range map[string]struct{ host, path, query string }{
		"/":                           {"h", "/", ""},
		"/a/b?c=d?e":                  {"h", "/a/b", "c=d?e"},
		"//a":                         {"h", "//a", ""},
		"/a?":                         {"h", "/a", ""},
		"http://other:81/a?b":         {"other:81", "/a", "b"}, // 3.2.2: the field does not count
		"https://other":               {"other", "/", ""},
		"HTTP://other?b":              {"other", "/", "b"},
		"http://[::1]:80/a":           {"[::1]:80", "/a", ""},
		"/http://other/a":             {"h", "/http://other/a", ""},
		"/a%2Fb%00?%3F":               {"h", "/a%2Fb%00", "%3F"},
		"/a|b{c}\"<>\\^`":             {"h", "/a|b{c}\"<>\\^`", ""},
		"http://other/a/http://third": {"other", "/a/http://third", ""},
	} {
		var r Request
		kind, refusal := Parse([]byte("GET "+target+" HTTP/1.1\r\nHost: h\r\n\r\n"), &r)
		if kind != HTTP || refusal != nil {
			t.Errorf("%s: %v", target, refusal)
			continue
		}
		if string(r.Host) != want.host || string(r.Path) != want.path || string(r.RawQuery) != want.query {
			t.Errorf("%s: host %q, path %q, query %q", target, r.Host, r.Path, r.RawQuery)
		}
	}
}

func TestRFC6455Section9_1_ExtensionsInSeveralFields(t *testing.T) {
	const unacceptable = "Sec-WebSocket-Extensions: foo, permessage-deflate; mystery"
	for name, c := range map[string]struct {
		request string
		answer  string
	}{
		"none":          {sample, ""},
		"unacceptable":  {with(unacceptable), ""},
		"second field":  {with(unacceptable, "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9"), "9"},
		"first of both": {with("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9"), "10"},
	} {
		var r Request
		if _, refusal := Parse([]byte(c.request), &r); refusal != nil {
			t.Fatalf("%s: %s", name, refusal.Body)
		}
		want := ""
		if c.answer != "" {
			want = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=" + c.answer
		}
		if got := string(r.Deflate.AppendResponse(nil)); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
