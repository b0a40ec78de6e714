package netpoll

// unreadBytesMax bounds what a paused connection keeps of what was read already: a
// read's rest, and what comes although it is paused. Beyond it the connection ends.
const unreadBytesMax = 256 << 10

// unread is what came of a connection and cannot be looked at yet: a request that is
// not complete, or what a paused client has sent. Other connections have none.
type unread struct {
	bytes []byte

	// In the handshake.
	seen     int  // bytes in which the end was looked for in vain
	returned bool // by Config.HTTP, which does not get the connection again
	crowded  bool // there was no room for the connection when it came; see takePlace

	// While the connection is open, which then is paused.
	until   moment
	feeding bool // the pause is over, and bytes are being looked at
}

// due tells whether the pause is over.
func (u *unread) due(now moment) bool { return int32(now-u.until) >= 0 }

// extend makes the pause last until then, unless it lasts longer.
func (u *unread) extend(until moment) {
	if u.feeding || u.due(until) {
		u.until, u.feeding = until, false
	}
}
