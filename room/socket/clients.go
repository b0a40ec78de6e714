package socket

import (
	"context"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
)

// Which says which clients an operator means: those to whom all of it applies that is given.
type Which struct {
	User    uuid.UUID
	Room    uuid.UUID // or its trip's
	Address netip.Addr
}

// Client is a client that is in, as an operator is told of it.
type Client struct {
	User    uuid.UUID
	Address netip.AddrPort // port 0: a proxy has told the address alone
	Version uint8          // of the protocol
	Rooms   int            // on a user socket those that are subscribed; otherwise one
	Trip    uuid.UUID      // of a room's socket
	Silent  time.Duration  // since anything came of it
	Waiting int            // bytes that it has not taken
	Joining bool           // a history is on its way
}

// Clients returns clients, most of them, and how many there are. They are asked for on each loop.
func (h *Handler) Clients(ctx context.Context, loops []*netpoll.Loop, which Which, most int) (list []Client, all int, err error) {
	err = onEach(ctx, loops, func(l *netpoll.Loop) func() {
		var here []Client
		count := 0
		h.loops[l.Index()].clients(&which, func(s *session) {
			if count++; count <= most {
				here = append(here, s.client())
			}
		})
		return func() {
			all += count
			list = append(list, here[:min(len(here), most-len(list))]...)
		}
	})
	return list, all, err
}

// Kick closes clients, and returns how many.
func (h *Handler) Kick(ctx context.Context, loops []*netpoll.Loop, which Which, code protocol.CloseCode, reason string) (n int, err error) {
	err = onEach(ctx, loops, func(l *netpoll.Loop) func() {
		var meant []*session // to close one changes what is gone through
		h.loops[l.Index()].clients(&which, func(s *session) { meant = append(meant, s) })
		for _, s := range meant {
			s.close(code, reason)
		}
		h.kicked.Add(int64(len(meant)))
		return func() { n += len(meant) }
	})
	return n, err
}

// onEach calls f on each loop, one after another, and what it returns here.
func onEach(ctx context.Context, loops []*netpoll.Loop, f func(*netpoll.Loop) func()) error {
	for _, l := range loops {
		done := make(chan func(), 1)
		l.Post(func() { done <- f(l) })
		select {
		case then := <-done:
			then()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// clients calls f once for each session of the loop that is meant.
func (w *loopState) clients(which *Which, f func(*session)) {
	for s := range w.users {
		if which.meansSession(s) && s.inRoom(which.Room) {
			f(s)
		}
	}
	for _, x := range w.rooms {
		if which.Room != uuid.Nil && which.Room != x.room && which.Room != x.trip {
			continue
		}
		x.all(func(t *seat) {
			if t.session.seats == nil && which.meansSession(t.session) {
				f(t.session)
			}
		})
	}
}

func (w *Which) meansSession(s *session) bool {
	return s.state == open && (w.User == uuid.Nil || w.User == s.user.ID()) &&
		(!w.Address.IsValid() || w.Address == s.conn.Remote().Addr())
}

// inRoom says whether a user socket is subscribed to a room; to uuid.Nil each is.
func (s *session) inRoom(room uuid.UUID) bool {
	if room == uuid.Nil {
		return true
	}
	for _, is := range s.seats.all {
		if is.in.room == room || is.in.trip == room {
			return true
		}
	}
	return false
}

func (s *session) client() Client {
	c := Client{User: s.user.ID(), Address: s.conn.Remote(), Version: s.version, Rooms: 1,
		Silent: s.conn.Silent(), Waiting: s.conn.Waiting()}
	if s.seats != nil {
		c.Rooms, c.Joining = len(s.seats.all), s.seats.joining != nil
	} else {
		c.Trip, c.Joining = s.seat.in.trip, s.seat.state == joining
	}
	return c
}
