package verify

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/wire"
)

// roomsPlay is a transcript of two rooms on one socket, played to a user's two members.
type roomsPlay struct {
	t       *testing.T
	v       *vector
	many    *many
	members map[string]*member // by the steps' `in`
	trips   map[string]string
	rooms   map[string]string
	socket  *userSocket // nil: it has ended
}

func newRoomsPlay(t *testing.T, v *vector) *roomsPlay {
	cfg := &Config{Rooms: 2, Answer: time.Minute}
	cr := &crew{cfg: cfg, book: newBook(cfg), living: t.Context(), acting: t.Context()}
	p := &roomsPlay{
		t: t, v: v, members: map[string]*member{},
		trips: map[string]string{"": v.Trip, "other": v.Other.Trip}, rooms: map[string]string{"": v.Room, "other": v.Other.Room},
	}
	p.many = &many{crew: cr, user: uuid.MustParse(v.User)}
	for room, in := range []string{"", "other"} {
		m := newMember(cr, room, room, 0, "token")
		m.userID, m.rng, m.v2, m.many = v.User, rand.New(certain{}), true, p.many
		p.members[in] = m
	}
	p.many.home = p.members[""]
	return p
}

func (p *roomsPlay) run() {
	for i := range p.v.Steps {
		s := &p.v.Steps[i]
		p.t.Logf("step %d", i+1)
		switch {
		case s.Asks != nil:
			p.asks(s)
		case s.Says != nil:
			for _, f := range s.Says {
				p.hears(f)
			}
		case s.Ends != 0:
			for _, trip := range p.trips {
				p.socket.places[trip].end(&wire.CloseError{Code: s.Ends}, ledger.Record{}, time.Now())
			}
			p.socket = nil
		case s.Shows != nil:
			compareShown(p.t, p.members[s.In], s.Shows)
		default:
			p.t.Fatalf("no member plays %+v", s)
		}
	}
}

// asks lets a member subscribe, on the socket that is open or on a new one.
func (p *roomsPlay) asks(s *step) {
	if p.socket == nil {
		p.socket = &userSocket{
			many: p.many, token: heldToken{until: time.Now().Add(time.Hour)}, done: make(chan struct{}), places: map[string]*place{}, asks: map[string]ask{},
		}
		for _, trip := range p.trips {
			p.socket.places[trip] = &place{socket: p.socket, trip: trip}
		}
	}
	m, at := p.members[s.In], p.socket.places[p.trips[s.In]]
	if at.heard != nil {
		p.t.Fatal("the member is subscribed")
	}
	m.mu.Lock()
	since, last := m.resumption()
	m.mu.Unlock()
	asked := ""
	if since >= 0 {
		asked = strconv.FormatInt(since, 10)
	}
	compare(p.t, "since", asked, number(s.Asks.Since))
	compare(p.t, "since_id", last, s.Asks.SinceID)
	at.asked = &session{member: m, line: at, since: since, last: last, asked: time.Now(), ready: make(chan struct{}), done: make(chan struct{})}
	names := fmt.Sprintf(`"chat_room_id":%q,"trip_id":%q,`, p.rooms[s.In], p.trips[s.In])
	p.hears([]byte(`{"type":"message_history",` + names + string(s.Gets[1:])))
	p.hears(fmt.Appendf(nil, `{"type":"own","v":2,"chat_room_id":%q,"role":"member","read_seq":0}`, p.rooms[s.In]))
}

func (p *roomsPlay) hears(f json.RawMessage) {
	if err := p.socket.receive(f); err != nil {
		p.t.Fatal(err)
	}
}
