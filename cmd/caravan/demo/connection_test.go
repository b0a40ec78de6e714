package demo_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	blockedNotice = "Real-time chat unavailable. Using standard messaging."
	// What a browser itself reports of a connection that fails.
	socketFailed = "WebSocket connection to"
	loadFailed   = "Failed to load resource"
)

// quote is a text, or a list of them, as a JavaScript literal.
func quote(text any) string {
	literal, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(literal)
}

// testServerKilled kills the server while both users' messages are on their way.
// What was written before, meanwhile and after is there once, in one order for all.
func testServerKilled(t *testing.T, c *chromium) {
	s := startServer(t, "--rate=0")
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	var saidByOne, saidByTwo []string
	for round := range 3 {
		var texts []string
		for i := range 20 {
			texts = append(texts, fmt.Sprintf("%d.%d", round, i))
		}
		one.sayAll(prefixed("one ", texts))
		two.sayAll(prefixed("two ", texts))
		time.Sleep(time.Duration(round) * 7 * time.Millisecond)
		s.kill()
		p.waitFor(one.js(".status-text") + ".textContent.startsWith('Reconnecting in')")
		one.say(fmt.Sprintf("one %d offline", round))
		two.say(fmt.Sprintf("two %d offline", round))
		p.expect(one.js(".entry:last-child .delivery")+".textContent", "Sending…")
		texts = append(texts, fmt.Sprintf("%d offline", round))
		saidByOne = append(saidByOne, prefixed("one ", texts)...)
		saidByTwo = append(saidByTwo, prefixed("two ", texts)...)
		s.start()
		one.waitForPhase("live")
		two.waitForPhase("live")
	}
	p.waitFor("!document.querySelector('.pending')")
	stored := s.stored()
	one.waitForAll(stored)
	two.waitForAll(stored)
	for who, said := range map[string][]string{"one ": saidByOne, "two ": saidByTwo} {
		got := slices.DeleteFunc(slices.Clone(stored), func(text string) bool { return !strings.HasPrefix(text, who) })
		if !slices.Equal(got, said) {
			t.Errorf("stored of user %s\n got %q\nwant %q", who, got, said)
		}
	}
	p.expectNoTrouble(socketFailed, loadFailed)
}

func prefixed(prefix string, texts []string) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = prefix + text
	}
	return all
}

// testBurst sends more at once than the server takes from one connection.
func testBurst(t *testing.T, c *chromium) {
	s := startServer(t, "--rate=10", "--burst=10")
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	var texts []string
	for i := range 40 {
		texts = append(texts, fmt.Sprintf("Message %d", i))
	}
	one.sayAll(texts)
	two.waitForContents(texts...)
	one.waitForContents(texts...)
	p.expectNoTrouble()
}

// testLongAbsence misses more than one answer to ?since= holds, and goes on
// while others write.
func testLongAbsence(t *testing.T, c *chromium) {
	s := startServer(t, "--rate=0")
	g := startGateway(t, s)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	token := s.token(2)
	var said []string
	post := func(text string) {
		t.Helper()
		said = append(said, text)
		s.post(2, token, text, "")
	}
	post("Before")
	one.waitForContents(said...)
	g.down.Store(true)
	g.cut()
	p.waitFor(one.js(".status-text") + ".textContent.startsWith('Reconnecting in')")
	for i := range 1300 {
		post(fmt.Sprintf("Missed %d", i))
	}
	g.noREST.Store(true) // or it might come back by a long poll
	g.down.Store(false)
	p.eval("dispatchEvent(new Event('online'))", nil) // as when a network comes back
	for i := range 50 {
		post(fmt.Sprintf("Meanwhile %d", i))
		time.Sleep(20 * time.Millisecond)
	}
	one.waitForPhase("live")
	g.noREST.Store(false)
	one.waitForAll(said)
	if n := g.sockets.Load(); n != 2 {
		t.Errorf("%d WebSockets, want 2: the second one resumes without missing anything", n)
	}
	p.expectNoTrouble(socketFailed, loadFailed)
}

// testRoomBeginsAnew brings the server back with an empty store.
func testRoomBeginsAnew(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	one.say("Old")
	one.say("Older")
	two.waitForContents("Old", "Older")
	s.kill()
	one.waitForPhase("waiting")
	two.waitForPhase("waiting")
	one.say("New")
	s.store += ".new"
	s.start()
	one.waitForContents("New")
	two.waitForContents("New")
	two.say("Indeed")
	one.waitForContents("New", "Indeed")
	p.expectNoTrouble(socketFailed, loadFailed)
}

// testLostFrame loses one frame: the next number tells, and the page resumes.
func testLostFrame(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	token := s.token(2)
	s.post(2, token, "Heard", "")
	one.waitForContents("Heard")
	mark := []byte("Lost on the way")
	g.lose.Store(&mark)
	s.post(2, token, "Lost on the way", "")
	s.post(2, token, "The next one", "")
	one.waitForContents("Heard", "Lost on the way", "The next one")
	if n := g.sockets.Load(); n != 1 {
		t.Errorf("%d WebSockets, want 1: the room is subscribed anew on it", n)
	}
	p.expectNoTrouble()
}

func testSocketsBlocked(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	g.blockSockets.Store(true)
	free := openPage(t, c, s.url("/?user=2"), desktop)
	two := free.pane(1)
	two.waitForPhase("live")
	two.say("Before you came")
	two.waitForContents("Before you came")

	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("standard")
	p.expect(one.js(".notice p")+".textContent", blockedNotice)
	p.expect(one.js(".status-text")+".textContent", "Standard messaging")
	one.waitForContents("Before you came")

	one.say("By standard messaging")
	two.waitForContents("Before you came", "By standard messaging")
	two.say("In real time")
	one.waitForContents("Before you came", "By standard messaging", "In real time")
	free.click(two.is(".entry:last-child .edit"))
	free.insert(" again")
	free.press("Enter")
	one.waitForContents("Before you came", "By standard messaging", "In real time again")
	p.click(one.is(".composer textarea"))
	p.press("ArrowUp")
	p.insert(", edited")
	p.press("Enter")
	two.waitForContents("Before you came", "By standard messaging, edited", "In real time again")
	one.waitForContents("Before you came", "By standard messaging, edited", "In real time again")
	free.click(two.is(".entry:nth-child(2) .reply"))
	free.insert("A reply")
	free.press("Enter")
	one.waitForContents("Before you came", "By standard messaging, edited", "In real time again", "A reply")
	p.expectNoTrouble(socketFailed)
	free.expectNoTrouble()
}

// testSocketsUnblocked: the page tries WebSockets from time to time by itself.
func testSocketsUnblocked(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	g.blockSockets.Store(true)
	p := openPage(t, c, g.url("/"), desktop)
	one, two := p.pane(1), p.pane(2)
	one.waitForPhase("standard")
	two.waitForPhase("standard")
	one.say("Slowly")
	two.waitForContents("Slowly")
	g.blockSockets.Store(false)
	p.both() // waits
	p.waitFor(one.js(".notice p") + ".textContent === ''")
	one.say("Live")
	two.say("Live too")
	two.waitFor("document.querySelectorAll('.content').length === 6")
	one.waitForContents(s.stored()...)
	two.waitForContents(s.stored()...)

	// A server that goes away altogether is no blocked WebSocket.
	g.blockSockets.Store(true)
	s.kill()
	one.waitForPhase("waiting")
	time.Sleep(time.Second)
	p.expect(one.js(".notice p")+".textContent === "+quote(blockedNotice), "false")
	p.expectNoTrouble(socketFailed, loadFailed)
}

func testTokenRefused(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	g.badTokens.Store(1) // as if it had expired: a fresh one helps
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	if n := g.tokensAsked.Load(); n < 2 || n > 4 { // the socket and the list of rooms may each have had the bad one
		t.Errorf("asked for %d tokens, want 2", n)
	}

	p.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": "Math.random = () => 0.999"}, nil) // each pause is as long as it may be
	g.badTokens.Store(1000)                                                                                     // no token helps: the page says so, and asks ever more seldom
	p.eval("void setTimeout(() => location.reload())", nil)                                                     // after the answer, which navigating may cut off
	p.waitFor("document.querySelector('.notice p')?.textContent === 'The server no longer accepts your sign-in. You are not connected.'")
	p.waitFor(one.js(".status-text") + ".textContent === 'Not connected'")
	asked := g.tokensAsked.Load()
	time.Sleep(1500 * time.Millisecond)
	if n := g.tokensAsked.Load() - asked; n > 4 { // two sockets, as pauses of 0.5 s and 1 s are followed by one of 2 s, and perhaps the list of rooms, twice
		t.Errorf("asked for %d tokens in 1.5 s", n)
	}

	sockets := g.sockets.Load() // behind the next one comes a pause that is long enough to press the button in
	for begun := time.Now(); g.sockets.Load() == sockets && time.Since(begun) < waitTimeout; pause(begun) {
	}
	p.waitFor(one.js(".status-text") + ".textContent === 'Not connected' && " + one.js(".notice button") + ".checkVisibility()")
	g.badTokens.Store(0)
	p.click(one.is(".notice button"))
	one.waitForPhase("live")
	p.waitFor(one.js(".notice p") + ".textContent === ''")
	p.expectNoTrouble(loadFailed) // on a busy machine it may have asked over REST meanwhile
}

func testTripForbidden(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	g.otherTrip.Store(true)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("stopped")
	p.expect(one.js(".notice p")+".textContent", "You are not part of this trip, or no longer. You are not connected.")
	time.Sleep(1500 * time.Millisecond)
	if n := g.sockets.Load(); n != 1 {
		t.Errorf("%d WebSockets, want 1: a closed door is not knocked at again", n)
	}
	one.write("Are you there?")
	p.press("Enter")
	p.waitFor(one.js(".said") + ".textContent.startsWith('You are not connected')")
	p.expect(one.typed(), "Are you there?")
	g.otherTrip.Store(false)
	p.click(one.is(".notice button"))
	one.waitForPhase("live")
	p.click(one.is(".send"))
	one.waitForContents("Are you there?")
	p.expectNoTrouble()
}
