package presence

import (
	"time"

	"github.com/google/uuid"
)

// saying is what this node says of a room to the others.
type saying struct {
	asked   time.Time // they want to know until then
	on      bool      // they want to know
	whole   bool      // all of it is to be said
	soon    bool      // and a node waits for that
	counts  bool      // there are too many to name
	version uint64
	changed map[uuid.UUID]bool // since the last time: true: joined, false: left
	at      time.Time          // when something was said last
	wholeAt time.Time          // and when all of it was
}

// ask notes that other nodes want to know, and, where whole, do not know all of it.
func (r *Room) ask(until time.Time, whole bool) {
	s := &r.say
	if until.After(s.asked) {
		s.asked = until
	}
	if !s.on {
		s.on, s.counts, whole = true, false, true
		s.version = max(s.version+1, r.table.version())
	}
	s.soon = s.soon || whole
	if s.whole = s.whole || whole; s.whole {
		r.isDue()
	}
}

// change notes that a user has joined or left. Who did both is not spoken of.
func (s *saying) change(user uuid.UUID, joined bool) {
	if !s.on || s.whole || s.counts {
		return // it is said with all of it
	}
	if before, ok := s.changed[user]; ok && before != joined {
		delete(s.changed, user)
		return
	}
	if s.changed == nil {
		s.changed = make(map[uuid.UUID]bool)
	}
	s.changed[user] = joined
}

// sayDue says what is to be said now, if there is room for it: left bytes.
func (r *Room) sayDue(now time.Time, left *int) {
	s := &r.say
	switch {
	case !s.on || !r.counted(now):
		return
	case now.After(s.asked):
		r.say = saying{version: s.version}
		return
	}
	switch n := len(r.here); {
	case !s.counts && n > usersMax:
		s.counts, s.whole, s.changed = true, true, nil
	case s.counts && n <= usersMax*9/10:
		s.counts, s.whole = false, true
	}
	wholeEvery := tellEvery
	if s.soon {
		wholeEvery = answerEvery
	}
	switch since := now.Sub(s.at); {
	case s.whole && now.Sub(s.wholeAt) >= wholeEvery:
		r.sayWhole(now, left)
	case s.whole:
		r.isDue()
	case s.counts && since >= countEvery:
		r.sayWhole(now, left)
	case len(s.changed) > 0 && since >= tellEvery:
		r.sayChange(now, left)
	case len(s.changed) > 0:
		r.isDue()
	case since >= stillEvery:
		r.publish(now, &Said{Kind: Still, Version: s.version}, left)
	}
}

// sayWhole says who is there, or how many.
func (r *Room) sayWhole(now time.Time, left *int) {
	s := &r.say
	said := &Said{Kind: Whole, Version: s.version + 1}
	if s.counts {
		said.Kind, said.Count = Counted, len(r.here)
	} else {
		said.Joined = make([]uuid.UUID, 0, len(r.here))
		for user := range r.here {
			said.Joined = append(said.Joined, user)
		}
	}
	if r.publish(now, said, left) {
		s.version++
		s.whole, s.soon, s.changed, s.wholeAt = false, false, nil, now
	}
}

func (r *Room) sayChange(now time.Time, left *int) {
	s := &r.say
	said := &Said{Kind: Change, Version: s.version + 1}
	for user, joined := range s.changed {
		if joined {
			said.Joined = append(said.Joined, user)
		} else {
			said.Left = append(said.Left, user)
		}
	}
	if r.publish(now, said, left) {
		s.version++
		s.changed = nil
	}
}

// publish says something, or leaves it for the next step where much was said in this one.
func (r *Room) publish(now time.Time, said *Said, left *int) bool {
	if *left <= 0 {
		r.isDue()
		return false
	}
	*left -= saidBytes + idBytes*(len(said.Joined)+len(said.Left))
	said.Room = r.id
	r.say.at = now
	r.out = append(r.out, said)
	return true
}

// dropped takes back that something was said: the next look at all rooms says it.
func (r *Room) dropped(said *Said) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch said.Kind {
	case Ask:
		r.see.ask = !r.see.since.IsZero()
	case Still: // the next one says as much
	default:
		r.say.whole = r.say.on
	}
}
