package demo_test

import (
	"fmt"
	"strings"
	"testing"
)

// draftKept waits until the text is in the store of the browser.
func (p pane) draftKept(text string) {
	p.t.Helper()
	p.waitFor("Object.entries(localStorage).some(([k, v]) => k.startsWith('caravan.draft.') && v.includes(" + quote(text) + "))")
}

func (p *page) reload() {
	p.t.Helper()
	p.eval("void (document.body.className = 'before')", nil)
	p.call("Page.reload", nil, nil)
	p.waitFor("document.readyState === 'complete' && !document.body.className && document.querySelector('.pane')")
}

func testDraft(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	first := s.post(2, s.token(2), "Where to?", "")
	one.waitForContents(first.Content)
	p.eval(one.js(".reply")+".click()", nil)
	p.insert("To the s")
	one.draftKept("To the s")
	p.insert("ea") // and the page goes before that is kept by its timer
	p.reload()
	p.expect(one.typed(), "To the sea")
	p.waitFor(one.js(".replying-text") + ".textContent === 'Where to?'")

	// Another room has another draft.
	here := fmt.Sprintf("[...document.querySelectorAll(%s)].find(a => a.textContent.includes(%s))", quote(one.is(".rooms a")), quote(s.setup.Trips[0].Title))
	there := fmt.Sprintf("[...document.querySelectorAll(%s)].find(a => a.textContent.includes(%s))", quote(one.is(".rooms a")), quote(s.setup.Trips[1].Title))
	p.takePhotos()
	p.waitFor("!" + one.js(".attach") + ".hidden")
	one.choose("sea.jpg")
	p.waitFor(one.js(".tray .ready") + " !== null")
	p.eval(there+".click()", nil)
	p.waitFor("location.search.includes('trip=2')")
	one.waitForPhase("live")
	p.expect(one.js(".tray")+".checkVisibility()", "false")
	p.expect(one.typed(), "")
	one.write("Of the other trip")
	p.eval(here+".click()", nil)
	p.waitFor("!location.search.includes('trip=2')")
	one.waitForPhase("live")
	p.expect("document.querySelectorAll("+quote(one.is(".tray .ready"))+").length", "1")
	p.expect(one.typed(), "To the sea")
	p.click(one.is(".composer textarea"))
	p.press("Enter")
	one.waitForContents(first.Content, "To the sea")
	p.expect(one.js(".entry:last-child .quote-text")+".textContent", "Where to?")

	// An edit is found again as it was left.
	p.click(one.is(".entry:last-child .edit"))
	p.insert(" tomorrow")
	p.eval(there+".click()", nil)
	p.waitFor("location.search.includes('trip=2')")
	p.eval(here+".click()", nil)
	p.waitFor("!location.search.includes('trip=2')")
	one.waitForContents(first.Content, "To the sea")
	p.click(one.is(".entry:last-child .edit"))
	p.expect(one.js(".editor textarea")+".value", "To the sea tomorrow")
	p.press("Escape")

	// What is deleted is quoted no longer, where somebody answers it, and stands in no draft.
	p.eval(one.js(".reply")+".click()", nil)
	p.expect(one.js(".replying-text")+".textContent", "Where to?")
	p.insert("Hm")
	one.draftKept("Hm")
	p.expect("JSON.stringify(Object.entries(localStorage).filter(([k]) => k.startsWith('caravan.draft.'))).includes('Where to?')", "false")
	s.call("DELETE", "/api/v1/chat/messages/"+first.ID+"/", 2, nil, new(any))
	p.waitFor(one.js(".replying-text") + ".textContent === ''")
	p.eval(one.js(".composer textarea")+".select()", nil)
	p.press("Backspace")
	p.press("Escape")
	p.waitFor("!Object.values(localStorage).some((v) => v.includes('Hm'))")
	p.reload()
	p.expect(one.typed(), "")
	p.expect("Object.entries(localStorage).filter(([k, v]) => k.startsWith('caravan.draft.') && v.includes('Of the other')).length", "1")
	p.expectNoTrouble()
}

func testDraftsOfTwoTabs(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	one.write("meet at nine")
	one.draftKept("meet at nine")
	q := p.anotherTab(s.url("/?user=1"), desktop)
	other := q.pane(1)
	other.waitForPhase("live")
	q.expect(other.typed(), "meet at nine")
	q.eval(other.js(".composer textarea")+".select()", nil)
	q.insert("something else")
	other.draftKept("something else")
	q.reload()
	q.expect(other.typed(), "something else")
	p.expect(one.typed(), "meet at nine")
	p.reload()
	p.expect(one.typed(), "meet at nine")

	// What a third tab sends of the text that the second has is gone there, and nowhere else.
	r := q.anotherTab(s.url("/?user=1"), desktop)
	third := r.pane(1)
	third.waitForPhase("live")
	r.expect(third.typed(), "something else")
	r.click(third.is(".composer textarea"))
	r.press("Enter")
	q.waitFor(other.typed() + " === ''")
	p.expect(one.typed(), "meet at nine")
	for _, page := range []*page{p, q, r} {
		page.expectNoTrouble()
	}
}

func testSearch(t *testing.T, c *chromium) {
	s := startServer(t)
	for _, text := range []string{"Le café", "Nothing", "A CAFE, and another cafe", "Tea"} {
		s.post(2, s.token(2), text, "")
	}
	s.postMany(2, "Later ", 120)
	p := openPage(t, c, s.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	p.waitFor(one.js(".entry") + " !== null")
	count := one.js(".search-count") + ".textContent"
	p.click(one.is(".find"))
	p.expect("document.activeElement.ariaLabel", "Search in this room")
	p.insert("cafe")
	p.waitFor(count + " === 'Nothing found'")
	p.expect(one.js(".search-about")+".textContent.startsWith('Only the ')", "true")
	for range 10 {
		var more bool
		p.eval("!"+one.js(".search-more")+".hidden && !"+one.js(".search-more")+".disabled", &more)
		if !more {
			break
		}
		before := one.js(".search-about") + ".textContent"
		var said string
		p.eval(before, &said)
		p.eval(one.js(".search-more")+".click()", nil)
		p.waitFor(before + " !== " + quote(said))
	}
	p.waitFor(one.js(".search-about") + ".textContent.startsWith('All messages')")
	p.waitFor(count + " === '2 messages'")
	p.click(one.is(".search input"))
	marks := fmt.Sprintf("[...document.querySelectorAll(%q)].map(m => m.textContent).join()", one.is("mark"))
	found := one.js(".entry.found .content") + "?.textContent"
	p.press("Enter")
	p.waitFor(count + " === '1 of 2' && " + found + " === 'A CAFE, and another cafe'")
	p.waitFor(marks + " === 'café,CAFE,cafe'")
	p.expect("document.activeElement.ariaLabel", "Search in this room")
	p.press("Enter")
	p.waitFor(count + " === '2 of 2'")
	p.waitFor("[...document.querySelectorAll('.found')].some(e => e.querySelector('.content').textContent === 'Le café')")
	p.press("shift+Enter")
	p.waitFor(count + " === '1 of 2'")

	// What comes meanwhile is found, too; at the end nothing is marked any more.
	s.post(2, s.token(2), "Café again", "")
	p.waitFor(count + " === '2 of 3'")
	p.press("Escape")
	p.waitFor(marks + " === ''")
	p.expect(one.js(".search-slot")+".checkVisibility()", "false")
	p.expect("document.activeElement === "+one.js(".find"), "true")
	p.expectNoTrouble()
}

func testKeys(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	p.click(two.is(".here"))
	p.press("Escape")
	p.press("/")
	p.expect("document.activeElement === "+two.js(".search input"), "true")
	p.press("Escape")
	p.press("?")
	p.waitFor("document.querySelector('.help-dialog').open")
	p.press("Escape")
	p.waitFor("!document.querySelector('.help-dialog').open")

	// Who writes writes them.
	p.click(one.is(".composer textarea"))
	p.press("/")
	p.press("?")
	p.expect("document.querySelector('.help-dialog').open || "+one.js(".search-slot")+".checkVisibility()", "false")

	// They can be turned off, for good.
	p.click(one.is(".icon.help"))
	p.click(".help-off input")
	p.click(".help-close")
	p.reload()
	p.click(one.is(".here"))
	p.press("Escape")
	p.press("/")
	p.press("?")
	p.expect("document.querySelector('.help-dialog') !== null || "+one.js(".search-slot")+".checkVisibility()", "false")

	// The tab key leads through the whole page, and out of it.
	p.eval("document.activeElement.blur()", nil)
	seen := []string{}
	for range 60 {
		p.press("Tab")
		var at string
		p.eval("document.activeElement === document.body ? '' : document.activeElement.closest('section, header, nav, #switch')?.className + ' ' + (document.activeElement.ariaLabel ?? document.activeElement.tagName)", &at)
		if at == "" {
			break
		}
		seen = append(seen, at)
	}
	all := strings.Join(seen, "\n")
	for _, want := range []string{"Search", "Keys", "Emoji", "Send", "TEXTAREA"} {
		if !strings.Contains(all, want) {
			t.Errorf("the tab key does not lead to %q:\n%s", want, all)
		}
	}
	if len(seen) == 60 {
		t.Errorf("the tab key does not lead out of the page:\n%s", all)
	}
	p.expectNoTrouble()
}
