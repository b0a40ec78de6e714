package verify

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/wire"
)

// Two in ten members have one connection for all the rooms of their user. In the others of
// these they are guests: each is a member of its own in the account.
const (
	noSeat    = -1
	guestsMax = 5 // of one user

	shareAnew  = 0.3 // of the times that a subscription is left: it is asked for anew in place of that
	shareAbort = 0.1 // of the others: the connection is cut
	shareLimit = 0.2 // of subscriptions: with a limit
	limitMax   = 20  // messages
)

func hasMany(seat int) bool { return seat%10 == 5 || seat%10 == 8 }

// many is a user who has one connection for all their rooms.
type many struct {
	crew   *crew
	home   *member // in whose name its account is kept
	user   uuid.UUID
	tokens int // that it asked to go on with; guarded by the lock of the socket
	reads  sync.WaitGroup

	// forgets is set while it lets a token end. Nothing is settled then.
	forgets atomic.Bool

	door   sync.Mutex // guards what follows
	socket *userSocket
}

// openMany finds out which rooms of the run the users have who have one connection for all.
func (cr *crew) openMany(ctx context.Context) error {
	if cr.cfg.MintFor == nil {
		return nil
	}
	for _, m := range cr.members {
		if !hasMany(m.seat) {
			continue
		}
		rooms, err := cr.roomsOf(ctx, m, guestsMax)
		if err != nil {
			return fmt.Errorf("the rooms of user %d: %w", m.user, err)
		}
		m.v2, m.many = true, &many{crew: cr, home: m, user: fleet.User(m.user)}
		for _, room := range rooms {
			guest := newMember(cr, len(cr.members), room, m.user, m.bearer)
			guest.seat, guest.habit, guest.v2, guest.many = noSeat, steady, true, m.many
			cr.members = append(cr.members, guest)
		}
	}
	return nil
}

// roomsOf asks for the rooms of the run that a member's user has besides its own, so many at most.
func (cr *crew) roomsOf(ctx context.Context, m *member, roomsMax int) ([]int, error) {
	numbers := map[uuid.UUID]int{}
	for room := range cr.cfg.Rooms {
		numbers[fleet.Trip(room)] = room
	}
	return retry(ctx, func() (rooms []int, err error) {
		err = follow(ctx, m, "/api/v1/chat/rooms/", func(r *listed) {
			if room, ours := numbers[r.TripID]; ours && room != m.room && len(rooms) < roomsMax {
				rooms = append(rooms, room)
			}
		})
		return rooms, err
	})
}

// closeMany waits until nobody reads any more.
func (cr *crew) closeMany() {
	for _, m := range cr.members {
		if m.many != nil && m.many.home == m {
			m.many.close()
		}
	}
}

func (u *many) close() {
	u.door.Lock()
	defer u.door.Unlock()
	if u.socket != nil {
		u.socket.quit()
	}
	u.reads.Wait()
}

// open returns the user's socket; a new one where there is none, with a token that ends soon.
func (u *many) open(ctx context.Context) (*userSocket, error) {
	u.door.Lock()
	defer u.door.Unlock()
	if u.socket != nil {
		select {
		case <-u.socket.done:
		default:
			return u.socket, nil
		}
	}
	token, err := u.mint(true)
	if err != nil {
		return nil, err
	}
	until := time.Now().Add(u.crew.cfg.Token)
	u.home.mu.Lock()
	rng := u.home.rng
	key := [4]byte{byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())}
	u.home.mu.Unlock()
	node := u.home.node()
	client, err := wire.Dial(ctx, u.crew.nodes[node], "/ws/chat/?v=2", wire.Credential{Subprotocol: token}, key, messageBytesMax)
	if err != nil {
		return nil, err
	}
	u.socket = &userSocket{
		many: u, client: client, node: node, token: heldToken{until: until}, done: make(chan struct{}),
		places: map[string]*place{}, asks: map[string]ask{},
	}
	u.forgets.Store(false)
	u.reads.Go(u.socket.read)
	return u.socket, nil
}

// mint signs a token that ends soon, or one that is not the user's or has ended.
func (u *many) mint(good bool) (string, error) {
	user, life := u.user, u.crew.cfg.Token
	if !good && u.draw() < 0.5 {
		life = -time.Minute
	} else if !good {
		user = fleet.User(u.crew.members[0].user) // who has no such socket
	}
	return u.crew.cfg.MintFor(user, life)
}

func (u *many) draw() float64 { return u.home.draw() }

// op is the name of the nth token that the user asked to go on with.
func (u *many) op(n int) string { return fmt.Sprintf("v%s-%d-token-%d", u.crew.run, u.home.id, n) }

func (u *many) note(r ledger.Record) {
	r.Room, r.Client = u.home.room, u.home.id
	u.crew.book.noteAside(r)
}
