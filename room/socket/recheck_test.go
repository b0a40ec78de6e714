package socket_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
)

// remove takes user i off their trip.
func (s *server) remove(i int) {
	s.t.Helper()
	s.exec("DELETE FROM collaborators WHERE user_id = ?", persist.FleetUser(i).String())
}

// exec changes the application's tables, as the application does.
func (s *server) exec(statement string, args ...any) {
	s.t.Helper()
	db, err := sql.Open("sqlite", s.path+"?_pragma=busy_timeout(20000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement, args...); err != nil {
		s.t.Fatal(err)
	}
}

func TestRemovedMemberIsClosed(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: 200 * time.Millisecond})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	s.remove(3)
	if code := bob.closeCode(); code != 4003 {
		t.Errorf("closed with %d", code)
	}
	ada.send(`{"type":"ping"}`)
	if f := ada.next(); f.Type != "pong" {
		t.Errorf("who may stay got %+v", f)
	}
}

func TestMessagesBearTheirSendersPresentName(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: 200 * time.Millisecond})
	bob, _ := s.join(3, "")
	s.exec("UPDATE users SET username = 'robert' WHERE id = ?", persist.FleetUser(3).String())
	for until := time.Now().Add(10 * time.Second); ; {
		bob.send(`{"type":"chat_message","content":"hi"}`)
		if bob.next().Message.Sender.Username == "robert" {
			break
		}
		if time.Now().After(until) {
			t.Fatal("bob is still called what he was when he connected")
		}
	}
}

// TestARemovedMemberStoresNothingAndIsClosedSoon: long before rights are checked again by
// the clock. Others, and who only sends a bad frame, stay.
func TestARemovedMemberStoresNothingAndIsClosedSoon(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: time.Hour})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	bob.send(`{"type":"chat_message","content":"hi"}`)
	mine := bob.next().Message.ID
	if f := ada.next(); f.Message.ID != mine {
		t.Fatalf("%+v", f)
	}
	for _, text := range []string{
		`{"type":"chat_message","content":"still here","client_id":"a1"}`,
		`{"type":"edit_message","message_id":"` + mine + `","content":"still here","client_id":"a1"}`,
	} {
		s.exec("DELETE FROM collaborators WHERE user_id = ?", persist.FleetUser(3).String())
		bob.send(text)
		if f := bob.next(); f.Type != "error" || f.Code != "forbidden" || f.ClientID != "a1" {
			t.Errorf("%s: got %+v", text, f)
		}
		if code := bob.closeCode(); code != 4003 {
			t.Errorf("closed with %d", code)
		}
		s.exec("INSERT INTO collaborators (trip_id, user_id) VALUES (?, ?)", persist.FleetTrip(0).String(), persist.FleetUser(3).String())
		bob, _ = s.join(3, "")
	}
	bob.send(`{"type":"chat_message","content":"back"}`)
	if f := ada.next(); f.Message.Content != "back" || f.Seq != 2 {
		t.Errorf("the other got %+v", f)
	}
}

// TestAUserWhoIsGoneIsClosedSoon: what they send is stored no more, either.
func TestAUserWhoIsGoneIsClosedSoon(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: time.Hour})
	bob, _ := s.join(3, "")
	s.exec("DELETE FROM users WHERE id = ?", persist.FleetUser(3).String())
	bob.send(`{"type":"chat_message","content":"still here"}`)
	if f := bob.next(); f.Code != "forbidden" {
		t.Errorf("got %+v", f)
	}
	if code := bob.closeCode(); code != 4001 {
		t.Errorf("closed with %d", code)
	}
}

// waitingRoom is a store whose histories come when they are let.
type waitingRoom struct {
	room.Store
	asked, let chan struct{}
}

func (w *waitingRoom) Latest(ctx context.Context, rooms []uuid.UUID, limit room.Limit) ([]room.Page, error) {
	close(w.asked)
	select {
	case <-w.let:
	case <-ctx.Done():
	}
	return w.Store.Latest(ctx, rooms, limit)
}

// Who is let in and removed before their history came would get it, and stay,
// until the next time.
func TestRemovedMemberIsClosedWhileJoining(t *testing.T) {
	t.Parallel()
	w := &waitingRoom{asked: make(chan struct{}), let: make(chan struct{})}
	s := serveOn(t, socket.Config{RecheckEvery: 200 * time.Millisecond}, func(s room.Store) room.Store {
		w.Store = s
		return w
	})
	c, err := s.open(fmt.Sprintf("/ws/chat/%s/?token=%s", persist.FleetTrip(0), sign(t, persist.FleetUser(3), time.Hour)), nil)
	if err != nil {
		t.Fatal(err)
	}
	<-w.asked
	s.remove(3)
	if code := c.closeCode(); code != 4003 {
		t.Errorf("closed with %d", code)
	}
	close(w.let)
}

// panicky is a store that panics when it is asked for rights, as long as it is told to.
type panicky struct {
	room.Store
	on    atomic.Bool
	asked chan struct{}
}

func (p *panicky) Access(ctx context.Context, questions []room.AccessQuestion) ([]room.Access, error) {
	if p.on.Load() {
		select {
		case p.asked <- struct{}{}:
		default:
		}
		panic("in a test")
	}
	return p.Store.Access(ctx, questions)
}

// TestMembersStayWhileTheirRightsCannotBeAskedFor: a panic is no answer, and the next
// check finds who may not stay.
func TestMembersStayWhileTheirRightsCannotBeAskedFor(t *testing.T) {
	t.Parallel()
	p := &panicky{asked: make(chan struct{})}
	s := serveOn(t, socket.Config{RecheckEvery: 50 * time.Millisecond}, func(s room.Store) room.Store {
		p.Store = s
		return p
	})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	s.remove(3)
	p.on.Store(true)
	for range 3 {
		await.Done(t, "a check", p.asked)
	}
	ada.send(`{"type":"ping"}`)
	if f := ada.next(); f.Type != "pong" {
		t.Errorf("who may stay got %+v", f)
	}
	p.on.Store(false)
	if code := bob.closeCode(); code != 4003 {
		t.Errorf("closed with %d", code)
	}
}

// TestAChangedRoleCountsWithoutAReconnect: within the recheck; the connection stays.
func TestAChangedRoleCountsWithoutAReconnect(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: 100 * time.Millisecond})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	bob.send(`{"type":"chat_message","content":"hi"}`)
	mine := bob.next().Message.ID
	ada.next()
	role := func(role string) {
		s.exec("UPDATE collaborators SET role = ? WHERE user_id = ?", role, persist.FleetUser(3).String())
	}
	for _, x := range []struct{ role, frame string }{
		{"mute", `{"type":"chat_message","content":"%s","client_id":"a1-%[1]s"}`},
		{"mute", `{"type":"edit_message","message_id":"` + mine + `","content":"%s","client_id":"a1-%[1]s"}`},
	} {
		role(x.role)
		var f frame
		for n := 0; f.Type != "error"; n++ {
			bob.send(fmt.Sprintf(x.frame, fmt.Sprint(x.role, n)))
			if f = bob.next(); f.Type == "error" && (f.Code != "not_allowed" || f.ClientID != fmt.Sprint("a1-", x.role, n)) {
				t.Fatalf("%+v", f)
			}
		}
		bob.send(`{"type":"mark_read","seq":1}`)
		bob.send(`{"type":"ping"}`)
		if f := bob.next(); f.Type != "pong" {
			t.Fatalf("%+v", f)
		}
		role("reader")
		for n := 0; f.Type == "error"; n++ {
			bob.send(fmt.Sprintf(x.frame, fmt.Sprint("again", n)))
			f = bob.next()
		}
	}
}

// TestAUserWithoutRoomsIsCheckedAgain, too.
func TestAUserWithoutRoomsIsCheckedAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: 50 * time.Millisecond})
	ada, bob := s.openUser(0), s.openUser(3)
	ada.quiet()
	s.exec("DELETE FROM users WHERE id = ?", persist.FleetUser(0).String())
	if code := ada.closeCode(); code != 4001 {
		t.Errorf("closed with %d", code)
	}
	bob.quiet()
}

// TestWhoIsConnectedWasSeen: it is stored now and then, as their server may die. The turn of a user
// comes with the last bytes of the id.
func TestWhoIsConnectedWasSeen(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{RecheckEvery: 100 * time.Millisecond})
	soon, in := uuid.UUID{0: 1, 15: 2}, s.roomOf(0)
	s.exec("INSERT INTO users (id, email, username, first_name, last_name) VALUES (?1, ?1, ?1, '', '')", soon.String())
	s.exec("INSERT INTO collaborators (trip_id, user_id) VALUES (?, ?)", persist.FleetTrip(0).String(), soon.String())
	c, err := s.open("/ws/chat/"+persist.FleetTrip(0).String()+"/?token="+sign(t, soon, time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.next()
	await.Until(t, "it is stored that the user was seen", func() bool {
		s.svc.StoreSeen(t.Context())
		p, err := s.svc.Members(t.Context(), room.MembersQuery{User: soon, Room: uuid.MustParse(in), Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Members {
			m := &p.Members[i]
			if m.User.ID == soon && !m.LastSeen.IsZero() {
				return m.Online && time.Since(m.LastSeen) < time.Minute
			} else if !m.LastSeen.IsZero() {
				t.Fatalf("%+v was never there", m)
			}
		}
		return false
	})
}
