package room

import (
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/allowance"
)

// The limits of what users tell a room by Notices. Each goes to all members, so one
// that tells nothing new is worth little.
const (
	noticeAgain    = 3 * time.Second  // the same is told again after so long
	noticeKept     = 30 * time.Second // and so long it is known what was told
	noticeUsersMax = 1_024            // users of a room of whom it is known; Notices of others are dropped meanwhile
	largeRoom      = 200              // with more users, as far as this node knows, a room is told of all together at a rate
)

// noticeTurns is how often a user may begin what a Notice tells, such as to type. Each
// beginning has one end.
var noticeTurns = allowance.Rate{PerSecond: 1, Burst: 5}

// relayedTurns is how often another node's Notices of a user are told on. No node lets
// a user tell so many: what comes more often was repeated by somebody in between.
var relayedTurns = allowance.Rate{PerSecond: 4, Burst: 20}

// largeRoomTurns is how often a large room is told Notices, of all its users together: to who
// has so many others one who types is worth little, and each Notice costs as many frames.
var largeRoomTurns = allowance.Rate{PerSecond: 10, Burst: 10}

// notices are what the users of a room on this node told it last. The room's shard
// guards it. The zero value is ready.
type notices struct {
	last    map[noticeOf]*lastNotice
	swept   time.Time
	relayed int             // those of them that other nodes told
	large   allowance.Meter // of all users, while the room is large
}

type noticeOf struct {
	user    uuid.UUID
	kind    protocol.Kind
	relayed bool // told by another node
}

type lastNotice struct {
	on    bool
	at    time.Time
	turns allowance.Meter
}

// tells reports whether the room is told a notice: it says something new, or the same
// as long ago.
func (n *notices) tells(of noticeOf, on bool, now time.Time) (yes bool) {
	l := n.last[of]
	switch {
	case l == nil:
		if l = n.add(of, now); l != nil {
			yes, _ = l.turns.Take(noticeTurns, 1, now)
		}
	case l.on == on:
		yes = now.Sub(l.at) >= noticeAgain
	case on:
		yes, _ = l.turns.Take(noticeTurns, 1, now)
	default: // what was told to begin is told to end
		yes = true
	}
	if yes {
		l.on, l.at = on, now
	}
	return yes
}

// tellsOn reports whether the room is told a notice of another node.
func (n *notices) tellsOn(of noticeOf, now time.Time) (yes bool) {
	l := n.last[of]
	if l == nil {
		l = n.add(of, now)
	}
	if l != nil {
		l.at = now
		yes, _ = l.turns.Take(relayedTurns, 1, now)
	}
	return yes
}

// add begins to know of a user; nil where it is known of too many.
func (n *notices) add(of noticeOf, now time.Time) *lastNotice {
	if len(n.last) >= noticeUsersMax {
		if now.Sub(n.swept) >= time.Second {
			n.sweep(now)
		}
		if len(n.last) >= noticeUsersMax {
			return nil
		}
	}
	if n.last == nil {
		n.last = make(map[noticeOf]*lastNotice)
	}
	l := new(lastNotice)
	n.last[of] = l
	if of.relayed {
		n.relayed++
	}
	return l
}

// sweep forgets what was told long ago.
func (n *notices) sweep(now time.Time) {
	n.swept = now
	for of, l := range n.last {
		if now.Sub(l.at) >= noticeKept {
			delete(n.last, of)
			if of.relayed {
				n.relayed--
			}
		}
	}
	if len(n.last) == 0 {
		n.last = nil
	}
}

// tellsNotice reports whether what a user does is told to a room: the members of this
// node and the other nodes. Where nobody follows the room it costs nothing.
func (h *hub) tellsNotice(room uuid.UUID, of noticeOf, on bool, now time.Time) (yes bool) {
	return h.tells(room, now, func(n *notices) bool { return n.tells(of, on, now) })
}

// tellsRelayed reports the same of a notice of another node, for the members of this one.
func (h *hub) tellsRelayed(x *Notice, now time.Time) (yes bool) {
	return h.tells(x.Room, now, func(n *notices) bool { return n.tellsOn(noticeOf{x.User, x.Kind, true}, now) })
}

func (h *hub) tells(room uuid.UUID, now time.Time, tells func(*notices) bool) (yes bool) {
	yes, large := true, h.online(room) > largeRoom
	h.withShard(room, func(sh *shard, r *subscribed) {
		n := &r.notices
		if !r.noticed {
			r.noticed = true
			sh.noticed = append(sh.noticed, r)
		}
		large = large || r.members()+n.relayed > largeRoom
		if large && n.large.Wait(largeRoomTurns, now) > 0 {
			yes = false
			return
		}
		if yes = tells(n); yes && large {
			n.large.Charge(largeRoomTurns, 1, now)
		}
	})
	return yes
}

// members is how many members the room's listeners have.
func (r *subscribed) members() (n int) {
	for _, l := range r.listeners {
		if of, ok := l.(guarded); ok {
			n += of.members()
		}
	}
	return n
}

// dropNotices forgets what was told long ago.
func (h *hub) dropNotices(now time.Time) {
	h.sweep(func(sh *shard) *[]*subscribed { return &sh.noticed }, func(r *subscribed) bool {
		r.notices.sweep(now)
		r.noticed = r.notices.last != nil
		return r.noticed
	})
}
