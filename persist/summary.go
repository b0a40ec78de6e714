package persist

import (
	"slices"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// summaryRule counts anew what a message has of reactions and answers, and stores it in the
// message where it is not what that says. No member asks for it.
var summaryRule = rule{unasked: true, screen: screenChange, ask: askSummary, settle: settleSummary}

func askSummary(l *Lookup, op *room.Op) {
	askMessageOf(l, op)
	l.Counted = append(l.Counted, op.MessageID)
}

func settleSummary(s *settling, op *room.Op) result {
	s.summarized(op)
	m, ok := s.message(op, op.MessageID)
	if !ok {
		return refused(protocol.ErrNotFound)
	}
	is := &protocol.Extra{}
	if m.Extra != nil {
		*is = *m.Extra
	}
	was := *is
	is.ReplyCount = s.replies(m.ID)
	if is.Reactions = nil; !m.Deleted() {
		counted := s.count(m.ID)
		is.Reactions = listed(counted)
		if slices.ContainsFunc(counted, func(e emojiNow) bool { return e.unsure }) {
			s.due(op.Room, m.ID) // the next summary finds it in the rows
		}
	}
	if is.Equal(&was) {
		return s.unchanged(&m)
	}
	m.WithExtra(func(e *protocol.Extra) { *e = *is })
	return s.change(op, &m)
}

// listed is what clients are told: who they are from only while they are few.
func listed(all []emojiNow) []protocol.Reaction {
	total := 0
	for i := range all {
		total += all[i].count
	}
	var list []protocol.Reaction
	for i := range all {
		r := protocol.Reaction{Emoji: all[i].shown, Count: all[i].count}
		if total <= protocol.ReactionsNamedMax {
			for _, one := range all[i].by {
				r.By = append(r.By, one.User)
			}
		}
		list = append(list, r)
	}
	return list
}

// List is what clients are told of the reactions.
func (c *Counted) List() []protocol.Reaction {
	if len(c.Emoji) > 0 {
		return listed(adjusted(c.Emoji, nil))
	}
	return listed(grouped(slices.Clone(c.Rows)))
}

// CutReactors makes a page of at most limit of those of which one more was asked for.
func CutReactors(p room.ReactorPage, limit int) room.ReactorPage {
	if p.HasMore = len(p.Reactors) > limit; p.HasMore {
		p.Reactors = p.Reactors[:limit]
	}
	return p
}

// replies is how many answers a message has after the ops so far.
func (s *settling) replies(message uuid.UUID) int {
	n := s.answers[message]
	if counted := s.found.Counted[message]; counted != nil {
		n += counted.Replies
	}
	return min(max(n, 0), protocol.RepliesMax)
}

// answered counts that a message of op's room has one answer more, or one fewer.
func (s *settling) answered(op *room.Op, original *protocol.Reply, by int) {
	if original == nil {
		return
	}
	if s.answers == nil {
		s.answers = make(map[uuid.UUID]int)
	}
	s.answers[original.ID] += by
	s.due(op.Room, original.ID)
}

// due notes that a message's summary is to be made.
func (s *settling) due(in, message uuid.UUID) {
	if s.dues == nil {
		s.dues = make(map[room.DueSummary]struct{})
	}
	s.dues[room.DueSummary{Message: message, Room: in}] = struct{}{}
}

// summarized notes that the summary is due no more which an op was to make, also where there
// is no such message or room, or the database does not take what it says.
func (s *settling) summarized(op *room.Op) {
	made := room.DueSummary{Message: op.MessageID, Room: op.Room}
	delete(s.dues, made)
	if t := s.tallies[op.MessageID]; t != nil && t.room == op.Room {
		t.changed = false
	}
	if !slices.Contains(s.plan.Summarized, made) {
		s.plan.Summarized = append(s.plan.Summarized, made)
	}
}

// planReactions adds to the plan what the ops have done with reactions, and the summaries that
// they have made due.
func (s *settling) planReactions() {
	for _, t := range s.touched {
		rows := len(s.plan.Reactions) + len(s.plan.Withdrawn)
		for _, c := range t.all {
			switch {
			case same(c.was, c.is):
			case c.is != nil:
				s.plan.Reactions = append(s.plan.Reactions, *c.is)
			default:
				s.plan.Withdrawn = append(s.plan.Withdrawn, *c.was)
			}
		}
		differs := len(s.plan.Reactions)+len(s.plan.Withdrawn) > rows || slices.Contains(s.plan.Summarized, room.DueSummary{Message: t.message, Room: t.room})
		if t.changed && differs {
			s.due(t.room, t.message)
		}
	}
	for d := range s.dues {
		s.plan.Due = append(s.plan.Due, d)
	}
	slices.SortFunc(s.plan.Due, func(a, b room.DueSummary) int { return compareIDs(a.Message, b.Message) })
	s.plan.Summarized = slices.DeleteFunc(s.plan.Summarized, func(d room.DueSummary) bool { _, again := s.dues[d]; return again })
}
