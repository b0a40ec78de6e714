package socket

import (
	"sync/atomic"

	"github.com/caravan-chat/caravan/protocol"
)

// speaking counts the members by the version of the protocol that they speak. It is safe
// for concurrent use.
type speaking [protocol.VersionMax + 1]atomic.Int64

func (s *speaking) begin(version uint8) { s[version].Add(1) }

func (s *speaking) end(version uint8) { s[version].Add(-1) }

func (s *speaking) now() (n [protocol.VersionMax + 1]int64) {
	for v := range s {
		n[v] = s[v].Load()
	}
	return n
}
