package visit

import (
	"net/netip"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/room/allowance"
)

// TestAnAddressIsBounded: alone, by what it has done, and only for a while.
func TestAnAddressIsBounded(t *testing.T) {
	var proxies Proxies
	proxies.Believe([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	a := NewAddresses(&proxies, AddressRates{Connects: allowance.Rate{PerSecond: 1, Burst: 3}, Tokens: allowance.Rate{PerSecond: 1, Burst: 2}})
	now := time.Now()
	at := netip.MustParseAddr
	for i := range 3 {
		if why, wait := a.Connect(from, now); wait > 0 {
			t.Fatalf("connect %d: %s", i, why)
		}
	}
	if why, wait := a.Connect(from, now); why != "connects of the address" || wait <= 0 || wait > time.Second {
		t.Errorf("the fourth connect: %s, %v", why, wait)
	}
	if _, wait := a.Connect(from, now.Add(time.Second)); wait > 0 {
		t.Errorf("a second later: %v", wait)
	}
	for range 2 {
		a.Failed(at("2001:db8::1"), now)
	}
	for other, bounded := range map[string]bool{"2001:db8::1": true, "2001:db8::2:3": true, "2001:db8:0:1::1": false, "198.51.100.1": false} {
		if why, wait := a.MayAsk(at(other), now); wait > 0 != bounded {
			t.Errorf("%s: %s, %v", other, why, wait)
		}
		if why, wait := a.Connect(at(other), now); wait > 0 != bounded {
			t.Errorf("%s connects: %s, %v", other, why, wait)
		}
	}
	for range 100 {
		a.Failed(at("10.1.2.3"), now)
		if why, wait := a.Connect(at("10.1.2.3"), now); wait > 0 {
			t.Fatalf("a trusted proxy: %s", why)
		}
	}
	if st := a.Stats(); st.Connects != 1 || st.Tokens != 4 || st.KnownNow != 4 {
		t.Errorf("%+v", st)
	}
	a.SetRates(AddressRates{})
	if why, wait := a.Connect(from, now); wait > 0 {
		t.Errorf("without a bound: %s", why)
	}
	var none *Addresses
	none.Failed(from, now)
	if _, wait := none.Connect(from, now); wait > 0 || none.Stats() != (AddressStats{}) {
		t.Error("none bounds")
	}
}

// TestAddressesAreForgotten where there are more than are kept: the one that has done nothing
// for longest.
func TestAddressesAreForgotten(t *testing.T) {
	a := NewAddresses(nil, AddressRates{Tokens: allowance.Rate{PerSecond: 1, Burst: 1}})
	a.most = 4
	now := time.Now()
	for i := range 10_000 {
		a.Failed(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), now)
		a.Failed(from, now)
	}
	if st := a.Stats(); st.KnownNow > 4*addressShards || st.KnownNow < 2*addressShards || st.Forgotten == 0 {
		t.Errorf("%+v", st)
	}
	if _, wait := a.MayAsk(from, now); wait == 0 {
		t.Error("the one that goes on is forgotten")
	}
}
