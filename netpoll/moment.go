package netpoll

import "time"

// moment is a point in time: milliseconds since the Server was made. It wraps
// around after 49 days, so only differences mean anything.
type moment uint32

// before reports whether m is earlier than another moment, from which it is less than 24 days away.
func (m moment) before(later moment) bool { return int32(m-later) < 0 }

// after is the moment a while after m, an hour at most; for what is over, m itself.
func (m moment) after(d time.Duration) moment {
	return m + moment(min(max(d, 0), time.Hour)/time.Millisecond)
}

func (m moment) since(earlier moment) time.Duration {
	return time.Duration(m-earlier) * time.Millisecond
}
