package netpoll

import "time"

// moment is a point in time: milliseconds since the Server was made. It wraps
// around after 49 days, so only differences mean anything.
type moment uint32

func (m moment) since(earlier moment) time.Duration {
	return time.Duration(m-earlier) * time.Millisecond
}
