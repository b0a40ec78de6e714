package visit

import (
	"net/netip"
	"strings"
	"testing"
)

func proxies(t testing.TB, s string) *Proxies {
	t.Helper()
	networks, err := ParseProxies(s)
	if err != nil {
		t.Fatal(err)
	}
	p := new(Proxies)
	p.Believe(networks)
	return p
}

func TestTheAddressIsTheLastOneThatSomebodyBelievedHasHeard(t *testing.T) {
	p := proxies(t, "10.0.0.0/8, fd00::/8,192.0.2.1")
	for _, c := range []struct{ peer, plain, forwarded, want string }{
		{"198.51.100.1", "203.0.113.9", "for=203.0.113.9", "198.51.100.1"}, // a stranger's word
		{"10.0.0.1", "", "", "10.0.0.1"},
		{"10.0.0.1", "203.0.113.9", "", "203.0.113.9"},
		{"::ffff:10.0.0.1", "203.0.113.9", "", "203.0.113.9"},
		{"10.0.0.1", "1.1.1.1, 203.0.113.9", "", "203.0.113.9"}, // what the client has sent itself stands before
		{"10.0.0.1", "203.0.113.9, 10.0.0.2", "", "203.0.113.9"},
		{"10.0.0.1", "203.0.113.9,10.0.0.3 ,10.0.0.2", "", "203.0.113.9"},
		{"10.0.0.1", "10.0.0.3, 10.0.0.2", "", "10.0.0.3"},
		{"10.0.0.1", "203.0.113.9, nonsense", "", "10.0.0.1"},
		{"10.0.0.1", "nonsense, 203.0.113.9", "", "203.0.113.9"},
		{"10.0.0.1", "203.0.113.9:4711", "", "203.0.113.9"},
		{"10.0.0.1", "[2001:db8::1]:4711", "", "2001:db8::1"},
		{"10.0.0.1", "2001:db8::1", "", "2001:db8::1"},
		{"10.0.0.1", "fe80::1%eth0", "", "10.0.0.1"},
		{"fd00::1", "203.0.113.9", "", "203.0.113.9"},
		{"192.0.2.1", "203.0.113.9", "for=1.1.1.1", "203.0.113.9"}, // the client's own Forwarded, passed on
		{"10.0.0.1", "", "for=1.1.1.1, For=203.0.113.9;proto=https", "203.0.113.9"},
		{"10.0.0.1", "", `proto=https;for="[2001:db8::1]:80"`, "2001:db8::1"},
		{"10.0.0.1", "", `for="_hidden"`, "10.0.0.1"},
		{"10.0.0.1", "", "for=unknown", "10.0.0.1"},
		{"10.0.0.1", ",", "", "10.0.0.1"},
		{"10.0.0.1", strings.Repeat("10.0.0.9,", 1000) + "10.0.0.2", "", "10.0.0.9"},
	} {
		got := p.Client(netip.MustParseAddr(c.peer), func(name string) string {
			return map[string]string{"X-Forwarded-For": c.plain, "Forwarded": c.forwarded}[name]
		})
		if got.String() != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	peer := netip.MustParseAddr("10.0.0.1")
	for _, none := range []*Proxies{nil, new(Proxies)} {
		if got := none.Client(peer, func(string) string { return "203.0.113.9" }); got != peer {
			t.Errorf("nobody is believed, and yet %v", got)
		}
	}
}

func TestWhoIsBelievedIsAnAddressOrANetwork(t *testing.T) {
	for _, wrong := range []string{"localhost", "10.0.0.0/33", "10.0.0.1:80", "fe80::1%eth0", "*"} {
		if _, err := ParseProxies(wrong); err == nil {
			t.Errorf("%s was taken", wrong)
		}
	}
	for _, c := range []struct{ network, peer string }{
		{"::ffff:10.0.0.0/104", "10.1.2.3"}, {"10.0.0.0/8", "::ffff:10.1.2.3"}, {"fe80::/10", "fe80::1%eth0"}, {"::/0", "2001:db8::1"},
	} {
		if !proxies(t, c.network).Believes(netip.MustParseAddr(c.peer)) {
			t.Errorf("%s is not in %s", c.peer, c.network)
		}
	}
	if networks, err := ParseProxies(" ,10.1.2.3/8, ::ffff:192.0.2.1 "); err != nil || len(networks) != 2 || networks[0].String() != "10.0.0.0/8" || networks[1].String() != "192.0.2.1/32" {
		t.Errorf("%v, %v", networks, err)
	}
}

// FuzzClient: whatever stands in the fields, the answer is the peer or an address of the list,
// and nobody whom a stranger names.
func FuzzClient(f *testing.F) {
	f.Add("1.1.1.1, 203.0.113.9", "for=1.1.1.1")
	f.Add(`[2001:db8::1]:80`, `for="[::1]";by=x, for=_x`)
	f.Add(strings.Repeat(",", 100), ";;==,")
	p := proxies(f, "10.0.0.0/8")
	believed, stranger := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("198.51.100.1")
	f.Fuzz(func(t *testing.T, plain, forwarded string) {
		header := func(name string) string {
			if name == "Forwarded" {
				return forwarded
			}
			return plain
		}
		if got := p.Client(stranger, header); got != stranger {
			t.Errorf("a stranger speaks for %v", got)
		}
		if got := p.Client(believed, header); !got.IsValid() || got.Zone() != "" {
			t.Errorf("the client is %v", got)
		}
	})
}
