package rest

import (
	"cmp"
	"slices"
	"time"
)

// Shed closes connections to save about so many bytes, and returns how many they keep:
// those whose request has not come whole, and those whose client does not take its answer,
// the ones that keep most first. Their clients may ask again.
func (s *Server) Shed(bytes int64) (freed int64) {
	s.places.mu.Lock()
	defer s.places.mu.Unlock()
	var all []*conn
	untaken := time.Now().Add(-untakenMin).UnixNano()
	for c := range s.places.conns {
		since := c.since.Load()
		waits := c.waits == waitStrangerRest || c.waits == waitRest || c.waits == waitEnd
		if c.kept.Load() >= shedBytesMin && (waits || since > 0 && since < untaken) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *conn) int { return cmp.Compare(b.kept.Load(), a.kept.Load()) })
	for _, c := range all {
		if freed >= bytes {
			break
		}
		freed += c.kept.Load()
		s.shed.Add(1)
		if c.waits != working {
			s.places.dismiss(c)
		} else {
			_ = c.SetWriteDeadline(longAgo) // a closed connection has ended the write already
		}
	}
	return freed
}
