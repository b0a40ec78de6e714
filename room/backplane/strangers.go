package backplane

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// strangers are the deployments other than this one that are heard on its channels, of
// which the log is to tell. Whoever may publish in Redis can invent any number of them,
// and nobody can tell those from real ones. So the log gets one line each strangerEvery,
// about the one that is heard most of those that it was not told of. Where there are more
// than strangersMax, a new one takes the place of the one that is heard least, and its
// count: one of which more than a part in strangersMax is heard keeps its place, however
// many are invented. Safe for concurrent use.
type strangers struct {
	mu   sync.Mutex
	met  map[mark]*stranger
	told time.Time // when the log got the last line
}

// stranger is one of them.
type stranger struct {
	node  uuid.UUID // that was heard last
	heard int64
	told  bool
}

// meet notes that a node with a mark was heard. Where the log is to be told of a
// stranger now, it returns it, and how many others the log does not know.
func (s *strangers) meet(node uuid.UUID, now time.Time) (tell *stranger, others int) {
	m, _ := markOf(node)
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.met[m]
	if known == nil {
		known = s.admit(m)
	}
	known.node = node
	known.heard++
	if now.Sub(s.told) < strangerEvery {
		return nil, 0
	}
	for _, one := range s.met {
		if one.told {
			continue
		}
		if others++; tell == nil || one.heard > tell.heard {
			tell = one
		}
	}
	if tell == nil {
		return nil, 0
	}
	tell.told, s.told = true, now
	copied := *tell // others may hear it meanwhile
	return &copied, others - 1
}

// admit makes an entry for a new one.
func (s *strangers) admit(m mark) *stranger {
	if s.met == nil {
		s.met = make(map[mark]*stranger)
	}
	added := &stranger{}
	if len(s.met) >= strangersMax {
		var least mark
		for at, one := range s.met {
			if added.heard == 0 || one.heard < added.heard {
				least, added.heard = at, one.heard
			}
		}
		delete(s.met, least)
	}
	s.met[m] = added
	return added
}
