package config_test

import (
	"testing"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

func TestHosts(t *testing.T) {
	for _, c := range []struct {
		names string
		allow []string
		deny  []string
	}{
		{
			"", []string{"", "localhost", "LocalHost:9000", "localhost.", "127.0.0.1", "127.0.0.1:9000", "10.1.2.3:80", "[::1]", "[::1]:9000", "[fe80::1%25eth0]:9000", "::1", "moor", "MOOR:9000", "bound.example"},
			[]string{"evil.example", "evil.example:9000", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.nip.io:9000", "moor.evil.example", "xlocalhost", "*", "[evil.example]", "caravan.internal"},
		},
		{"caravan.internal, Other.", []string{"caravan.internal:9000", "CARAVAN.internal.", "other", "moor", "localhost"}, []string{"x.caravan.internal", "internal", "evil.example"}},
		{"*", []string{"evil.example", "anything:1"}, nil},
		{"a,*", []string{"evil.example", "a"}, nil},
	} {
		h, err := config.ParseHosts(c.names)
		if err != nil {
			t.Errorf("%q: %v", c.names, err)
			continue
		}
		h = h.With("moor", "bound.example:9000", ":9000", "127.0.0.1:8000", "")
		for _, host := range c.allow {
			if !h.Allow(host) {
				t.Errorf("%q refuses %q", c.names, host)
			}
		}
		for _, host := range c.deny {
			if h.Allow(host) {
				t.Errorf("%q allows %q", c.names, host)
			}
		}
	}
	for _, names := range []string{"http://a", "a:9000", "*.example.com", "a b", "a/b", "user@a"} {
		if _, err := config.ParseHosts(names); err == nil {
			t.Errorf("%q is taken for names", names)
		}
	}
}
