package room

import (
	"context"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// tellReads tells who has read further, by a batch that was committed. Nothing is told to a
// room here: the listeners know which of its members may hear of it.
func (s *Service) tellReads(batch []*Op) {
	var rooms map[uuid.UUID]*Notice
	for _, op := range batch {
		if op.Raised == 0 || op.Kind != protocol.KindRead || !s.wanted(op.Room) {
			continue
		}
		n := rooms[op.Room]
		if n == nil {
			if n = (&Notice{Kind: protocol.KindRead, Room: op.Room}); rooms == nil {
				rooms = make(map[uuid.UUID]*Notice)
			}
			rooms[op.Room] = n
		}
		n.Reads = append(n.Reads, ReadBy{op.Sender.ID, op.Raised, op.Via})
	}
	for _, n := range rooms {
		s.hub.tellReads(n)
		if s.backplane != nil {
			s.backplane.PublishNotice(n)
		}
	}
}

// tellReads passes on who has read how far.
func (h *hub) tellReads(n *Notice) {
	var w wakes
	h.withShard(n.Room, func(sh *shard, r *subscribed) {
		if _, missed := sh.missed[n.Room]; missed {
			delete(sh.missed, n.Room)
			more := *n
			more.Missed = true
			n = &more
		}
		for _, l := range r.listeners {
			w.add(l.Notify(n))
		}
	})
	w.wake()
}

// missReads notes that a room's listeners were not told of some marks.
func (h *hub) missReads(room uuid.UUID) {
	h.withShard(room, func(sh *shard, _ *subscribed) {
		if sh.missed == nil {
			sh.missed = make(map[uuid.UUID]struct{})
		}
		sh.missed[room] = struct{}{}
	})
}

// FewReads is how far each collaborator of a small trip has read.
type FewReads struct {
	Few   bool   // it is small: of at most Config.ReadsMembers collaborators
	Frame []byte // where it is: the frame that says so. Immutable
}

// FewReads looks who has read how far in a room. left and done are as those of History. Its
// error wraps ErrUnavailable.
func (s *Service) FewReads(room uuid.UUID, left func() bool, done func(FewReads, error)) {
	if s.cfg.ReadsMembers <= 0 {
		done(FewReads{}, nil)
		return
	}
	s.few.do(room, asker[FewReads]{left: left, done: done})
}

func (s *Service) readFew(ctx context.Context, rooms []uuid.UUID) ([]FewReads, error) {
	all := make([]FewReads, len(rooms))
	for i, room := range rooms {
		marks, few, err := s.store.MarksOfFew(ctx, room, s.cfg.ReadsMembers)
		if err != nil {
			return nil, err
		}
		if few {
			all[i] = FewReads{true, protocol.AppendReads(nil, room, marks)}
		}
	}
	return all, nil
}

// ReadsMembers is in trips of how many collaborators at most members are told who has read how
// far.
func (s *Service) ReadsMembers() int { return s.cfg.ReadsMembers }

// Congested reports whether the listeners do not keep up: nobody is told what may be left out.
func (s *Service) Congested() bool { return s.cfg.Congested() }
