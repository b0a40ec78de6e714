package wire

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckUpgrade(t *testing.T) {
	good := "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nConnection: Upgrade\r\nSEC-WEBSOCKET-ACCEPT: " + upgradeAccept + "\r\n\r\n"
	for cut := range good {
		if n, err := CheckUpgrade([]byte(good[:cut])); n != 0 || err != nil {
			t.Fatalf("first %d bytes: %d, %v", cut, n, err)
		}
	}
	if n, err := CheckUpgrade([]byte(good + "frame")); n != len(good) || err != nil {
		t.Fatalf("n=%d of %d, %v", n, len(good), err)
	}
	for name, text := range map[string]string{
		"accept":     strings.Replace(good, upgradeAccept, "AAAA"+upgradeAccept[4:], 1),
		"extension":  strings.Replace(good, "\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 1),
		"not HTTP":   "SSH-2.0-OpenSSH\r\n\r\n",
		"old HTTP":   strings.Replace(good, "1.1", "1.0", 1),
		"no headers": strings.Repeat("x", headerBytesMax+1),
	} {
		if _, err := CheckUpgrade([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	_, err := CheckUpgrade([]byte("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\n\r\nfull"))
	var status *StatusError
	if !errors.As(err, &status) || status.Status != 503 || status.RetryAfter != "3" || status.Body != "full" {
		t.Errorf("got %#v", err)
	}
}

func TestParseEndpoint(t *testing.T) {
	for base, want := range map[string]Endpoint{
		"ws://127.0.0.1:8000":      {"127.0.0.1:8000", "127.0.0.1:8000", ""},
		"http://chat.example/":     {"chat.example:80", "chat.example", ""},
		"ws://[::1]:9/deep/place/": {"[::1]:9", "[::1]:9", "/deep/place"},
	} {
		if got, err := ParseEndpoint(base); err != nil || got != want {
			t.Errorf("%s: %+v, %v", base, got, err)
		}
	}
	for _, base := range []string{"", "127.0.0.1:8000", "wss://x", "ftp://x", "ws://", "ws://x?q=1", "ws://x:y"} {
		if got, err := ParseEndpoint(base); err == nil {
			t.Errorf("%q was read as %+v", base, got)
		}
	}
}
