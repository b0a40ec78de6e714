package demo_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
)

// testUnread: the page shows how much is unread in every trip of its user, and hears it on the
// WebSocket of the trip that is open. What is read on another device is read here.
func testUnread(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	other := s.setup.Trips[1]
	s.postTo(other.ID, 2, "Before")
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	link := func(trip string) string {
		return fmt.Sprintf("[...document.querySelectorAll('.rooms a')].find(a => a.querySelector('.room-name').textContent === %q)?", trip)
	}
	shows := func(trip, badge, text string) {
		t.Helper()
		p.waitFor(link(trip) + ".querySelector('" + badge + "')?.textContent === " + quote(text))
	}
	shows(other.Title, ".count", "1 unread")
	last := s.postTo(other.ID, 2, "And more")
	shows(other.Title, ".count", "2 unread")
	p.expect(link(other.Title)+".querySelector('.at')", "null")
	s.postTo(other.ID, 2, "For you", s.setup.Users[0].ID)
	shows(other.Title, ".count", "3 unread")
	shows(other.Title, ".at", "@1 mention")

	// Another device reads two of them, and then all.
	s.read(1, other.ID, last.Seq)
	shows(other.Title, ".count", "1 unread")
	shows(other.Title, ".at", "@1 mention")
	s.read(1, other.ID, last.Seq+1)
	p.waitFor("!" + link(other.Title) + ".querySelector('.count, .at')")

	// What is before the eyes is read, what is behind them is not.
	s.postMany(2, "Many ", 60)
	p.waitFor(one.js(".entry:last-child .content") + "?.textContent.startsWith('Many  59')")
	p.waitFor("!" + link(s.setup.Trips[0].Title) + ".querySelector('.count')")
	p.eval(one.js(".scroller")+".scrollTop = 0", nil)
	p.waitFor(one.js(".scroller") + ".scrollTop === 0")
	s.postMany(2, "Later ", 2)
	shows(s.setup.Trips[0].Title, ".count", "2 unread")
	p.click(one.is(".latest"))
	p.waitFor("!" + link(s.setup.Trips[0].Title) + ".querySelector('.count')")

	// All of that on one WebSocket, which is cut: the counts are right again.
	if n := g.sockets.Load(); n != 1 {
		t.Errorf("%d WebSockets, want 1", n)
	}
	g.cut()
	s.postTo(other.ID, 2, "While you were away")
	one.waitForPhase("live")
	shows(other.Title, ".count", "1 unread")

	// The link leads there, and there it is read.
	p.eval("void setTimeout(() => "+link(other.Title)[:len(link(other.Title))-1]+".click())", nil) // the answer comes before it leads away
	p.waitFor("document.querySelector('.rooms a[aria-current] .room-name')?.textContent === " + quote(other.Title))
	p.waitFor("!" + link(other.Title) + ".querySelector('.count')")
	p.expectNoTrouble(socketFailed, loadFailed)
}

// testUnreadMovesNothing: the links to the trips are there before the server tells what is unread in
// them, so that nothing moves below a finger.
func testUnreadMovesNothing(t *testing.T, c *chromium) {
	s := startServer(t, "--rate=0") // a fast machine sends more than a user may
	g := startGateway(t, s)
	s.postMany(2, "Before ", 60)
	s.postTo(s.setup.Trips[1].ID, 2, "Over there")
	for _, w := range []window{desktop, phone} {
		g.rooms.Lock()
		release := sync.OnceFunc(g.rooms.Unlock)
		defer release()
		p := openPage(t, c, g.url("/?user=1"), w)
		one := p.pane(1)
		one.waitForPhase("live")
		p.eval(one.js(".scroller")+".scrollTop = 0", nil)
		p.waitFor(one.js(".older button") + ".hidden")
		p.eval(one.js(".scroller")+".scrollTop = 0", nil)
		p.eval(lastFrame, nil)
		place := "(({x, y, width, height}) => [x, y, width, height].join())(" + one.js(".entry:first-child .bubble") + ".getBoundingClientRect())"
		var before string
		p.eval(place, &before)
		p.expect(one.js(".rooms .count"), "null")
		release()
		p.waitFor(one.js(".rooms .count"))
		p.expect(place, before)
		p.expectNoTrouble()
	}
}

// testHere: who is here comes in frames; without names it is a number.
func testHere(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	g.presence.Store(true)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	here := one.js(".here")
	tell := func(frame string) {
		t.Helper()
		g.tell(fmt.Sprintf(`{"type":"presence","chat_room_id":%q,%s}`, s.roomID(), frame))
	}
	users := s.setup.Users
	tell(fmt.Sprintf(`"online":2,"full":true,"users":[%q,%q]`, users[0].ID, users[1].ID))
	p.waitFor(here + ".textContent === '2'")
	p.expect(here+".getAttribute('aria-label')", "Who is here: 2")
	names := "[...document.querySelectorAll('.list .row-name')].map(e => e.textContent).join()"
	p.click(one.is(".here"))
	p.waitFor(names + " === " + quote(users[0].Name+","+users[1].Name))
	p.press("Escape")
	tell(fmt.Sprintf(`"online":2,"joined":[%q],"left":[%q]`, users[2].ID, users[1].ID))
	tell(fmt.Sprintf(`"online":3,"joined":[%q]`, uuid.Nil))
	p.waitFor(here + ".textContent === '3'")
	p.click(one.is(".here"))
	p.waitFor(names + " === " + quote(users[0].Name+","+users[2].Name+",Somebody"))
	p.press("Escape")
	tell(`"online":1234,"partial":true`)
	p.waitFor(here + ".textContent === '1234+'")
	p.click(one.is(".here"))
	p.waitFor("document.querySelector('.list .none')?.textContent === '1234 people are here: too many to name them.'")
	p.press("Escape")
	g.cut()
	p.waitFor(here + ".hidden")
	p.expectNoTrouble(socketFailed, loadFailed)
}

// postTo sends a message to a trip as the Nth user; mentioned are users whom it names.
func (s *server) postTo(trip uuid.UUID, user int, content string, mentioned ...uuid.UUID) message {
	s.t.Helper()
	body := map[string]any{"chat_room": trip, "content": content}
	if mentioned != nil {
		body["mentions"] = mentioned
	}
	var m message
	s.call("POST", "/api/v1/chat/messages/", user, body, &m)
	return m
}

// read says as the Nth user that all up to a number is read.
func (s *server) read(user int, trip uuid.UUID, seq int64) {
	s.t.Helper()
	s.call("POST", "/api/v1/chat/rooms/"+trip.String()+"/read/", user, map[string]any{"seq": seq}, new(any))
}

// roomID is the id of the first trip's room.
func (s *server) roomID() string {
	s.t.Helper()
	var room struct{ ID string }
	s.get("/api/v1/chat/rooms/"+s.setup.Trips[0].ID.String()+"/", s.token(1), &room)
	return room.ID
}
