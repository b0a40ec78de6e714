package attachment

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/media"
)

// Stats are figures since the start, but for those whose name ends in Now.
type Stats struct {
	UploadsNow, WaitingNow   int64
	Uploads, UploadBytes     int64                   // stored
	Metadata                 map[string]int64        // of them, by what became of their metadata
	Refused                  map[protocol.Code]int64 // files that were refused
	Failed                   int64                   // uploads that ended before their end
	ScanFailures             int64                   // files that the scanner did not judge
	Downloads, DownloadBytes int64
	Swept, SweepFailures     int64
}

type counters struct {
	failed, scanFailures, downloads, downloadBytes, swept, sweepFailures atomic.Int64

	mu             sync.Mutex
	uploads, bytes int64
	metadata       [media.Left + 1]int64
	refused        map[protocol.Code]int64
}

func (c *counters) stored(bytes int64, m media.Metadata) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uploads++
	c.bytes += bytes
	c.metadata[m]++
}

// refuse counts a refusal.
func (s *Service) refuse(e *protocol.Error) error {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	s.stats.refused[e.Code]++
	return e
}

// Stats returns the present figures.
func (s *Service) Stats() Stats {
	taken, waiting := s.slots.now()
	c := &s.stats
	st := Stats{
		UploadsNow: int64(taken), WaitingNow: int64(waiting), Failed: c.failed.Load(), ScanFailures: c.scanFailures.Load(),
		Downloads: c.downloads.Load(), DownloadBytes: c.downloadBytes.Load(), Swept: c.swept.Load(), SweepFailures: c.sweepFailures.Load(),
		Metadata: make(map[string]int64),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st.Uploads, st.UploadBytes, st.Refused = c.uploads, c.bytes, maps.Clone(c.refused)
	for m, n := range c.metadata {
		st.Metadata[media.Metadata(m).String()] = n
	}
	return st
}
