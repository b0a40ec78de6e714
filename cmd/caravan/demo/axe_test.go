package demo_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/servers/node"
)

// barriers are what axe-core finds serious or critical in the page as it is.
func (p *page) barriers(axe string) (barriers []string) {
	p.t.Helper()
	p.eval("window.axe ? undefined : (() => {"+axe+"\n})()", nil)
	var found []struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML, FailureSummary string }
	}
	// Colours that move are looked at when they stand still.
	p.eval(`Promise.all(document.getAnimations().filter(a => a.effect.getComputedTiming().iterations !== Infinity).map(a => a.finished.catch(() => {})))
		.then(() => axe.run(document, {resultTypes: ['violations']})).then(r => r.violations)`, &found)
	for _, v := range found {
		if v.Impact != "serious" && v.Impact != "critical" {
			continue
		}
		for _, n := range v.Nodes {
			barriers = append(barriers, fmt.Sprintf("%s (%s): %s\n%.300s\n%s", v.ID, v.Impact, v.Help, n.HTML, n.FailureSummary))
		}
	}
	return barriers
}

// inAllWindows is a flag: each window takes a minute of processor time, and two have all that differs.
var inAllWindows = flag.Bool("in-all-windows", false, "look for barriers in dark and light on desktop and phone, and not in one of each")

// TestAccessible: no state of the page has what keeps people out, as far as a machine can see that.
func TestAccessible(t *testing.T) {
	t.Parallel()
	if !node.Install(t, ".") {
		t.Log("NOT TESTED: npm cannot have axe-core here")
		return
	}
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	c := sharedChromium(t)
	windows := map[string]window{"desktop, light": desktop, "phone, dark": {width: 390, height: 844, touch: true, dark: true}}
	if *inAllWindows {
		windows["desktop, dark"], windows["phone, light"] = window{width: 1280, height: 800, dark: true}, phone
	}
	for name, w := range windows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testAccessible(t, c, string(axe), w)
		})
	}
}

func testAccessible(t *testing.T, c *chromium, axe string, w window) {
	s := startServer(t)
	p := openPage(t, c, s.url("/?user=1"), w)
	one := p.pane(1)
	one.waitForPhase("live")
	isOn := func(p *page, state string) {
		t.Helper()
		begun := time.Now()
		for _, b := range p.barriers(axe) {
			t.Errorf("%s: %s", state, b)
		}
		t.Logf("%s: looked at within %v", state, time.Since(begun).Round(time.Millisecond))
	}
	is := func(state string) {
		t.Helper()
		isOn(p, state)
	}
	is("an empty room")
	p.eval("void document.querySelector('#panes').append(document.createElement('button'))", nil)
	if got := p.barriers(axe); len(got) != 1 || !strings.Contains(got[0], "button-name") {
		t.Fatalf("of a button without a name axe-core says %q", got)
	}
	p.eval("document.querySelector('#panes > button').remove()", nil)

	s.postMany(2, "Message ", 6) // each row is looked at in each state
	last := s.post(2, s.token(2), "See https://example.com, @Amina", "")
	s.react(2, last.ID, "👍", true)
	one.say("I do, @Jonas: me@example.com")
	p.eval(fmt.Sprintf("[...document.querySelectorAll(%q)].at(-2).click()", one.is(".reply:not([hidden])")), nil)
	p.insert("A reply")
	p.press("Enter")
	p.waitFor(one.js(".chip") + " && " + one.js(".quote:not([hidden])") + " && !document.querySelector('.pending')")
	is("a room with all that messages have")

	p.eval(one.js(".entry:last-child .message")+".focus()", nil)
	is("a message with what can be done")
	p.eval(one.js(".entry:last-child .more")+".click()", nil)
	is("the menu")
	p.eval(one.js(".menu .other")+".click()", nil)
	is("all emoji")
	p.insert("fire")
	is("emoji that were found")
	p.press("Escape")
	p.press("Escape")
	p.waitFor("!document.querySelector(':popover-open')")

	p.eval(one.js(".entry:last-child .edit")+".click()", nil)
	is("an edit")
	p.press("Escape")
	p.eval(one.js(".entry:last-child .reply")+".click()", nil)
	p.insert("@")
	p.waitFor("!" + one.js(".mentions") + ".hidden")
	is("names to choose from, and a reply")
	p.press("Escape")
	p.takePhotos()
	p.waitFor("!" + one.js(".attach") + ".hidden")
	one.choose("sea.jpg")
	p.waitFor(one.js(".tray .ready") + " !== null")
	p.eval("void ("+one.typed()+" = "+quote(strings.Repeat("x", 10_001))+")", nil)
	p.eval(one.js(".composer textarea")+".dispatchEvent(new Event('input'))", nil)
	is("a text that is too long, and a file")

	p.click(one.is(".find"))
	p.insert("message")
	p.press("Enter")
	p.waitFor(one.js("mark") + " !== null")
	is("the search")
	p.press("Escape")
	p.click(one.is(".pins"))
	p.waitFor(one.js("dialog.list") + ".open")
	is("a list")
	p.press("Escape")
	p.eval(one.js(".icon.help")+".click()", nil)
	is("the keys")
	p.press("Escape")
	p.expectNoTrouble()

	s.postMany(2, "More ", 80)
	long := openPage(t, c, s.url("/?user=1"), w)
	long.pane(1).waitForPhase("live")
	long.waitFor("document.querySelectorAll('.entry').length > 20")
	isOn(long, "a long room")
	long.expectNoTrouble()
}

// testSpoken: a screen reader is told what others write, when they do, and nothing else.
func testSpoken(t *testing.T, c *chromium) {
	s := startServer(t)
	s.post(2, s.token(2), "Written before", "")
	p := openPage(t, c, s.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	one.waitForContents("Written before")
	p.eval(fmt.Sprintf(`(() => {
		window.spoken = [];
		new MutationObserver((all) => all.forEach(r => r.addedNodes.forEach(n => spoken.push(n.textContent)))).observe(%s, {childList: true, subtree: true});
	})()`, one.js(".spoken")), nil)
	one.say("My own")
	one.waitForContents("Written before", "My own")
	s.post(2, s.token(2), "Hello there", "")
	p.waitFor("spoken.length > 0")
	p.expect("spoken.join('|')", s.setup.Users[1].Name+": Hello there")
	p.expect(one.js(".log")+".getAttribute('aria-live')", "off")
	p.expect(one.js(".spoken")+".getAttribute('role') + ' ' + "+one.js(".spoken")+".checkVisibility()", "log true")
	s.postMany(2, "One of many ", 8)
	p.waitFor("spoken.some(text => / new messages from /.test(text))")
	p.expectNoTrouble()
}

// testWishesOfTheSystem: who wants no motion has none, and with colours of one's own all is there to see.
func testWishesOfTheSystem(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	p.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{
		{"name": "prefers-reduced-motion", "value": "reduce"}, {"name": "forced-colors", "value": "active"}}}, nil)
	p.expect("matchMedia('(forced-colors: active)').matches && matchMedia('(prefers-reduced-motion: reduce)').matches", "true")
	one.say("Do not move, @" + s.setup.Users[1].Name)
	p.waitFor(two.js(".mention.own") + " !== null")
	one.write("typing")
	p.waitFor(two.js(".typing") + ".textContent !== ''")
	p.click(two.is(".find"))
	p.insert("move")
	p.press("Enter")
	p.waitFor(two.js(".found") + " !== null")
	p.expect("document.getAnimations().length", "0")
	p.expect("getComputedStyle("+two.js(".bubble")+").borderTopStyle", "solid") // a background alone is not seen then
	p.expect("getComputedStyle("+two.js("mark")+").backgroundColor !== getComputedStyle("+two.js(".bubble")+").backgroundColor", "true")
	p.press("Escape")
	two.write("@")
	p.waitFor("!" + two.js(".mentions") + ".hidden")
	p.expect("getComputedStyle("+two.js(".mentions [aria-selected=true]")+").outlineStyle", "solid")
	p.expectNoTrouble()
}
