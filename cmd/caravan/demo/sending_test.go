package demo_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// passingCodes are those after which docs/protocol.md tells a client to send again.
func passingCodes(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^ +([a-z_, ]+): +wait a little`).FindSubmatch(page)
	if line == nil {
		t.Fatal("the page does not say which errors pass")
	}
	return strings.Split(string(line[1]), ", ")
}

// testRefusedForNow: what docs/protocol.md tells a client to send again is sent
// again, in its place and stored once.
func testRefusedForNow(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	var said []string
	for _, code := range append(passingCodes(t), "internal") {
		g.refuse(refusal{code: code}, refusal{code: code})
		one.say(code)
		one.say("After " + code)
		said = append(said, code, "After "+code)
		one.waitForContents(said...)
	}
	g.refuse(refusal{code: "unavailable"})
	p.click(one.is(".composer textarea"))
	p.press("ArrowUp")
	p.insert(", edited")
	p.press("Enter")
	said[len(said)-1] += ", edited"
	one.waitForContents(said...)
	if got := s.stored(); !slices.Equal(got, said) {
		t.Errorf("stored\n got %q\nwant %q", got, said)
	}
	p.expectNoTrouble()
}

// testEditBesideReactions: that somebody reacts to a message does not mean that an edit of it
// is stored.
func testEditBesideReactions(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	id := s.post(1, s.token(1), "Meet at nine", "").ID
	one.waitForContents("Meet at nine")
	g.refuse(refusal{code: "unavailable"}, refusal{code: "unavailable"}, refusal{code: "unavailable"})
	p.click(one.is(".composer textarea"))
	p.press("ArrowUp")
	p.insert(", gate 4")
	p.press("Enter")
	one.waitForContents("Meet at nine, gate 4")
	s.react(2, id, "👍", true)
	p.waitFor(one.js(".chip") + "?.textContent === '👍 1'")
	p.waitFor(one.js(".entry:first-child .edited") + ".checkVisibility()")
	one.waitForContents("Meet at nine, gate 4")
	if got, want := s.stored(), []string{"Meet at nine, gate 4"}; !slices.Equal(got, want) {
		t.Errorf("stored\n got %q\nwant %q", got, want)
	}
	p.expectNoTrouble()
}

// testRefusedForGood: other errors are final at once, and `internal` after some
// tries; either holds up nobody.
func testRefusedForGood(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	for _, code := range []string{"invalid_reply", "invalid_content", "not_found", "of_tomorrow"} {
		g.refuse(refusal{code: code})
		one.say(code)
		p.waitFor("!" + one.js(".failure") + ".hidden")
		p.expect(one.js(".failure p")+".textContent", "Refused on the way")
		p.click(one.is(".failed .discard"))
		one.waitForContents()
	}
	p.eval(hurry, nil)
	g.refuse(slices.Repeat([]refusal{{code: "internal"}}, 8)...)
	one.say("What the server fails on")
	one.say("Another one")
	p.waitFor("document.querySelector('.failed')")
	one.waitForContents("Another one", "What the server fails on")
	p.expect(one.js(".failed .content")+".textContent", "What the server fails on")
	p.click(one.is(".failed .retry"))
	one.waitForContents("Another one", "What the server fails on")
	if got, want := s.stored(), []string{"Another one", "What the server fails on"}; !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
	p.expectNoTrouble()
}

// hurry makes the page's clock ring ten times as early.
const hurry = `{ const late = setTimeout; window.setTimeout = (f, ms, ...rest) => late(f, ms / 10, ...rest); }`

// testRefusedByREST is the same in standard messaging, where proxies answer, too.
func testRefusedByREST(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	g.blockSockets.Store(true)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("standard")
	var said []string
	for _, r := range []refusal{{503, "unavailable"}, {503, "unknown_outcome"}, {429, "rate_limited"}, {500, "internal"}, {408, "timeout"}, {502, ""}, {503, ""}, {504, ""}} {
		text := fmt.Sprintf("%d %s", r.status, r.code)
		g.refuse(r)
		one.say(text)
		said = append(said, strings.TrimSpace(text))
		one.waitForContents(said...)
	}

	// Where a token is refused another one is asked for, and nothing is given up.
	g.refuse(refusal{401, "unauthorized"}, refusal{401, "unauthorized"})
	one.say("Waits for a sign-in")
	said = append(said, "Waits for a sign-in")
	one.waitForContents(said...)

	g.refuse(refusal{400, "invalid_reply"})
	one.say("Not to be sent")
	p.waitFor("!" + one.js(".entry:last-child .failure") + ".hidden")
	if got := s.stored(); !slices.Equal(got, said) {
		t.Errorf("stored\n got %q\nwant %q", got, said)
	}
	p.expectNoTrouble(socketFailed, loadFailed)
}

// testServerDrains writes while the server stops in order: what it did not take any
// more goes to the next one by itself.
func testServerDrains(t *testing.T, c *chromium) {
	s := startServer(t, "--rate=0", "--drain-timeout=3s")
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	s.process.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- s.process.Wait() }()
	var said []string
	for running := true; running; {
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the server ended with %v", err)
			}
			running = false
		case <-time.After(20 * time.Millisecond):
		}
		said = append(said, fmt.Sprintf("Message %d", len(said)))
		one.say(said[len(said)-1])
	}
	s.process = nil
	s.start()
	one.waitForPhase("live")
	two.waitForContents(said...)
	one.waitForContents(said...)
	p.expect("document.querySelectorAll('.failed').length", "0")
	if got := s.stored(); !slices.Equal(got, said) {
		t.Errorf("stored\n got %q\nwant %q", got, said)
	}
	p.expectNoTrouble(socketFailed, loadFailed, "WebSocket is already in CLOSING")
}

// testOutboxFull: what the outbox does not take stays in the composer, with its draft, and in the editor.
func testOutboxFull(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	s.post(1, s.token(1), "Meet at nine", "")
	one.waitForContents("Meet at nine")
	g.down.Store(true)
	g.cut()
	one.waitForPhase("waiting")
	p.eval(fmt.Sprintf("for (let i = 0; i < 500; i++) { %s = `Message ${i}`; %s.requestSubmit(); }", one.typed(), one.js(".composer")), nil)
	p.expect(one.typed(), "")
	one.write("One too many")
	p.press("Enter")
	p.waitFor(one.js(".problem") + ".textContent === 'Not done: too much waits already. Please try again when you are connected.'")
	p.expect(one.typed(), "One too many")
	one.draftKept("One too many")
	p.eval(one.js(".composer textarea")+".select()", nil)
	p.press("Backspace")
	p.press("ArrowUp")
	p.waitFor(one.js(".editor") + " !== null")
	p.insert(", gate 4")
	p.press("Enter")
	p.expect(one.js(".editor textarea")+"?.value", "Meet at nine, gate 4")
	p.press("Escape")
	p.expect(one.js(".editor"), "null")
	p.expectNoTrouble(socketFailed, loadFailed)
}
