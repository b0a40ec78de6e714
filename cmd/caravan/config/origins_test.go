package config_test

import (
	"testing"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

func TestOriginsAllow(t *testing.T) {
	for _, c := range []struct {
		patterns, origin, host string
		want                   bool
	}{
		{"", "", "chat.example.com", true},
		{"", "https://chat.example.com", "chat.example.com", true},
		{"", "https://CHAT.example.com", "chat.EXAMPLE.com", true},
		{"", "http://localhost:8000", "localhost:8000", true},
		{"", "http://localhost:8001", "localhost:8000", false},
		{"", "https://chat.example.com:443", "chat.example.com", true},
		{"", "https://chat.example.com", "chat.example.com:443", true},
		{"", "https://evil.example", "chat.example.com", false},
		{"", "null", "chat.example.com", false},
		{"", "://", "", false},
		{"", "https://", "", false},
		{"*", "https://evil.example", "chat.example.com", true},
		{"*", "null", "chat.example.com", true},
		{"https://app.example.com", "https://app.example.com", "chat.example.com", true},
		{"https://app.example.com", "http://app.example.com", "chat.example.com", false},
		{"https://app.example.com", "https://app.example.com:8443", "chat.example.com", false},
		{"https://app.example.com", "https://chat.example.com", "chat.example.com", false},
		{"https://app.example.com", "", "chat.example.com", true},
		{"app.example.com", "http://app.example.com", "chat.example.com", true},
		{"https://*.example.com", "https://a.example.com", "x", true},
		{"https://*.example.com", "https://a.b.example.com", "x", true},
		{"https://*.example.com", "https://example.com", "x", false},
		{"https://*.example.com", "https://.example.com", "x", false},
		{"https://*.example.com", "https://evilexample.com", "x", false},
		{"https://*.example.com", "https://a.example.com.evil.example", "x", false},
		{"https://*.example.com", "https://a.example.com:8443", "x", false},
		{"http://localhost:*", "http://localhost:5173", "x", true},
		{"https://a.example, https://b.example", "https://b.example", "x", true},
	} {
		o, err := config.ParseOrigins(c.patterns)
		if err != nil {
			t.Errorf("%q: %v", c.patterns, err)
			continue
		}
		if got := o.Allow(c.origin, c.host); got != c.want {
			t.Errorf("%q: origin %q at host %q: %v, want %v", c.patterns, c.origin, c.host, got, c.want)
		}
	}
	for _, bad := range []string{"https://", "https://a/b", "https://*.*.example", "https://user@a.example", "h*tps://a.example"} {
		if _, err := config.ParseOrigins(bad); err == nil {
			t.Errorf("%q was taken for a pattern", bad)
		}
	}
}
