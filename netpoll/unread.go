package netpoll

const (
	// unreadBytesMax bounds what an open connection keeps of what was read already: a
	// read's rest, and what comes although it is paused. Beyond it the connection ends.
	unreadBytesMax = 256 << 10

	// postponedBytesMax is how much is kept of a connection that is postponed before its
	// socket is left unread. With the read that passes it, some 80 KiB may be.
	postponedBytesMax = 16 << 10
)

// unread is what came of a connection and cannot be looked at yet: a request that is
// not complete, or what a client has sent that is paused or postponed. Other
// connections have none.
type unread struct {
	bytes []byte

	// In the handshake.
	seen     int  // bytes in which the end was looked for in vain
	returned bool // by Config.HTTP, which does not get the connection again
	crowded  bool // there was no room for the connection when it came; see takePlace

	// While the connection is open. Where it is neither paused nor feeding, it is postponed.
	paused  bool   // it is among the loop's paused ones
	until   moment // the end of that
	feeding bool   // that is over, or Resume was called, and bytes are being looked at
	silent  bool   // the kernel does not tell that something has come
}

// due tells whether the pause is over.
func (u *unread) due(now moment) bool { return u.paused && int32(now-u.until) >= 0 }

// extend makes the pause last until then, unless it lasts longer.
func (u *unread) extend(until moment) {
	if u.feeding || int32(until-u.until) >= 0 {
		u.until, u.feeding = until, false
	}
}
