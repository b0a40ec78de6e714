package metrics

import "github.com/caravan-chat/caravan/room/visit"

// What is read of the addresses that clients come from.
var (
	addressRefused  = counter("address_refusals", "Clients that were refused because of what came from their address, by limit.", "limit")
	addressesKnown  = gauge("addresses", "Addresses whose connects and failed tokens are counted.")
	addressesForgot = counter("addresses_forgotten", "Addresses that were forgotten early because too many are counted.")
)

func (s sink) addresses(n visit.AddressStats) {
	s.number(addressRefused, float64(n.Connects), "connects")
	s.number(addressRefused, float64(n.Tokens), "tokens")
	s.number(addressesKnown, float64(n.KnownNow))
	s.number(addressesForgot, float64(n.Forgotten))
}
