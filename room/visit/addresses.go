package visit

import (
	"container/list"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caravan-chat/caravan/room/allowance"
)

// AddressRates are what one address may do. Zero rates bound nothing.
type AddressRates struct {
	Connects allowance.Rate // handshakes of WebSockets
	Tokens   allowance.Rate // tokens that are not good, over both transports
}

// The bounds of Addresses. Where more addresses come, the one that has done nothing for longest
// is forgotten, and begins anew.
const (
	addressShards = 64
	addressesMax  = 65_536
	networkBits   = 64 // of an address of IPv6: one host has all that share them
)

// Addresses bounds what clients of one address may do that nobody knows yet. Addresses of
// trusted proxies are not bounded: whoever comes by one and is not named may be anybody. A nil
// Addresses bounds nothing. It is safe for concurrent use.
type Addresses struct {
	proxies *Proxies
	rates   atomic.Pointer[AddressRates]
	most    int // in a shard
	shards  [addressShards]addressShard

	connects, tokens, forgotten atomic.Int64
}

type addressShard struct {
	mu    sync.Mutex
	known map[netip.Addr]*list.Element
	order list.List // of *address, the one that has done nothing for longest first
}

// address is what clients of one have done.
type address struct {
	key              netip.Addr
	connects, tokens allowance.Meter
}

// NewAddresses returns what bounds each address alike.
func NewAddresses(proxies *Proxies, rates AddressRates) *Addresses {
	a := &Addresses{proxies: proxies, most: addressesMax / addressShards}
	for i := range a.shards {
		a.shards[i].known = make(map[netip.Addr]*list.Element)
	}
	a.SetRates(rates)
	return a
}

// SetRates changes what each address may do.
func (a *Addresses) SetRates(rates AddressRates) { a.rates.Store(&rates) }

// BoundTokens says whether MayAsk and Failed bound anything.
func (a *Addresses) BoundTokens() bool { return a != nil && a.rates.Load().Tokens.PerSecond > 0 }

// Connect counts a handshake of the address, or says why it may not be, and how long that is so.
func (a *Addresses) Connect(from netip.Addr, now time.Time) (why string, wait time.Duration) {
	if why, wait = a.MayAsk(from, now); wait > 0 || a == nil {
		return why, wait
	}
	rate := a.rates.Load().Connects
	if rate.PerSecond == 0 {
		return "", 0
	}
	if m := a.of(from, true); m != nil {
		if _, wait = m.connects.Take(rate, 1, now); wait > 0 {
			a.connects.Add(1)
			return "connects of the address", wait
		}
	}
	return "", 0
}

// MayAsk says whether the address has sent so many tokens that are not good that no other is
// looked at, why, and how long that is so.
func (a *Addresses) MayAsk(from netip.Addr, now time.Time) (why string, wait time.Duration) {
	if !a.BoundTokens() {
		return "", 0
	}
	rate := a.rates.Load().Tokens
	if m := a.of(from, false); m != nil {
		if wait = m.tokens.Wait(rate, now); wait > 0 {
			a.tokens.Add(1)
			return "tokens of the address", wait
		}
	}
	return "", 0
}

// Failed counts a token of the address that was not good.
func (a *Addresses) Failed(from netip.Addr, now time.Time) {
	if !a.BoundTokens() {
		return
	}
	rate := a.rates.Load().Tokens
	if m := a.of(from, true); m != nil {
		m.tokens.Charge(rate, 1, now)
	}
}

// of returns what clients of the address have done; nil where that is not bounded, or nothing
// is known and it is not to be noted.
func (a *Addresses) of(from netip.Addr, note bool) *address {
	if a.proxies.Believes(from) || !from.IsValid() {
		return nil
	}
	key := Network(from)
	sh := &a.shards[shardOf(key)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if known := sh.known[key]; known != nil {
		sh.order.MoveToBack(known)
		return known.Value.(*address)
	}
	if !note {
		return nil
	}
	if len(sh.known) >= a.most {
		oldest := sh.order.Front()
		delete(sh.known, sh.order.Remove(oldest).(*address).key)
		a.forgotten.Add(1)
	}
	is := &address{key: key}
	sh.known[key] = sh.order.PushBack(is)
	return is
}

// Network returns what stands for all addresses of one client: of IPv6 the first one of its network.
func Network(from netip.Addr) netip.Addr {
	key := from.WithZone("")
	if !key.Is6() || key.Is4In6() {
		return key
	}
	network, _ := key.Prefix(networkBits) // of an address that has so many
	return network.Addr()
}

// shardOf spreads addresses: the bytes that differ in a network, whichever it is.
func shardOf(key netip.Addr) int {
	b := key.As16()
	sum := 0
	for _, c := range b {
		sum = sum*31 + int(c)
	}
	return sum & (addressShards - 1)
}

// AddressStats are figures since the start, but for the first.
type AddressStats struct {
	KnownNow         int
	Connects, Tokens int64 // clients that were refused, by the bound
	Forgotten        int64 // addresses that were forgotten because there were too many
}

// Stats returns the present figures. Of a nil Addresses they are zero.
func (a *Addresses) Stats() (st AddressStats) {
	if a == nil {
		return st
	}
	for i := range a.shards {
		sh := &a.shards[i]
		sh.mu.Lock()
		st.KnownNow += len(sh.known)
		sh.mu.Unlock()
	}
	st.Connects, st.Tokens, st.Forgotten = a.connects.Load(), a.tokens.Load(), a.forgotten.Load()
	return st
}
