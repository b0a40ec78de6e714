package demo_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestComposing is what people do while they write. Its tests share one browser, as those of TestPage do.
func TestComposing(t *testing.T) {
	c := sharedChromium(t)
	for _, test := range []struct {
		name string
		run  func(t *testing.T, c *chromium)
	}{
		{"a name is chosen behind an @", testMentionPicker},
		{"emoji are found, chosen and remembered", testEmojiPicker},
		{"a draft survives a reload and a change of room", testDraft},
		{"two tabs keep their drafts", testDraftsOfTwoTabs},
		{"addresses are links", testLinks},
		{"a text is counted before it is too long", testLength},
		{"what was refused goes back to where it was written", testTakenBack},
		{"a file that failed is tried again, or removed", testUploadThatFails},
		{"a message waits for its files, until it is changed", testWaitForFiles},
		{"what is loaded is searched", testSearch},
		{"keys work where nobody writes", testKeys},
		{"a page from right to left", testRightToLeft},
		{"what others write is read out", testSpoken},
		{"motion and colours are as the system wants them", testWishesOfTheSystem},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, c)
		})
	}
}

// typed is what stands in the pane's composer.
func (p pane) typed() string { return p.js(".composer textarea") + ".value" }

// write puts a text into the composer as keys do, and leaves it there.
func (p pane) write(text string) {
	p.t.Helper()
	p.click(p.is(".composer textarea"))
	p.insert(text)
}

// mentionsOf are the names that the newest stored message mentions.
func (s *server) mentionsOf(t *testing.T) []string {
	t.Helper()
	var page struct {
		Results []struct {
			Mentions []string
			All      bool `json:"mentions_all"`
		}
	}
	s.get("/api/v1/chat/rooms/"+s.setup.Trips[0].ID.String()+"/messages/?limit=1", s.token(1), &page)
	names := []string{}
	for _, m := range page.Results {
		for _, id := range m.Mentions {
			for _, u := range s.setup.Users {
				if u.ID.String() == id {
					names = append(names, u.Name)
				}
			}
		}
		if m.All {
			names = append(names, "all")
		}
	}
	return names
}

func testMentionPicker(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	offered := fmt.Sprintf("[...document.querySelectorAll(%q)].map(e => e.querySelector('bdi').textContent).join()", one.is(".mentions:not([hidden]) li"))
	area := one.js(".composer textarea")
	names := []string{s.setup.Users[1].Name, s.setup.Users[2].Name}
	sent := func(text string, mentioned ...string) {
		t.Helper()
		p.press("Enter")
		p.waitFor("document.querySelector(" + quote(one.is(".entry:last-child .content")) + ")?.textContent === " + quote(text))
		p.waitFor(fmt.Sprintf("!document.querySelector(%q)", one.is(".pending")))
		if got := s.mentionsOf(t); !slices.Equal(got, mentioned) {
			t.Errorf("%q mentions %q, want %q", text, got, mentioned)
		}
	}

	one.write("hi @")
	p.waitFor(offered + " === " + quote(strings.Join(names, ",")+",all"))
	p.expect(area+".role + ' ' + "+area+".ariaExpanded + ' ' + document.getElementById("+area+".getAttribute('aria-activedescendant')).ariaSelected", "combobox true true")
	p.press("ArrowDown")
	p.expect("document.querySelectorAll("+quote(one.is(".mentions [aria-selected=true]"))+").length", "1")
	p.press("Enter")
	p.expect(one.typed(), "hi @"+names[1]+" ")
	p.expect(area+".role", "null")
	p.insert("and @")
	p.insert(strings.ToLower(strings.Split(names[0], " ")[1])) // by the second word
	p.waitFor(offered + " === " + quote(names[0]))
	p.press("Tab")
	p.expect(one.typed(), "hi @"+names[1]+" and @"+names[0]+" ")
	p.expect("document.activeElement === "+area, "true")
	sent("hi @"+names[1]+" and @"+names[0], names[1], names[0])
	p.waitFor(two.js(".mention.own") + "?.textContent === " + quote("@"+names[0]))
	p.expect(one.js(".mention.own"), "null")

	// What is no longer in the text is no mention.
	one.write("@")
	p.waitFor(offered + " !== ''")
	p.click(one.is(".mentions li:nth-child(2)"))
	p.expect(one.typed(), "@"+names[1]+" ")
	for range len(names[1]) {
		p.press("Backspace")
	}
	p.press("Escape")
	p.insert(" nobody")
	sent("@" + names[1][:1] + " nobody")

	// Escape closes the list and leaves the text; a mail address opens none.
	one.write("me@x @")
	p.waitFor(offered + " !== ''")
	p.press("Escape")
	p.expect(offered, "")
	p.expect(one.typed(), "me@x @")
	sent("me@x @")

	// A member may not mention everybody.
	two.write("@al")
	p.insert("l")
	p.press("Enter")
	p.waitFor("document.querySelector(" + quote(two.is(".entry:last-child .content")) + ").textContent === '@all' && !document.querySelector('.pending')")
	if got := s.mentionsOf(t); len(got) != 0 {
		t.Errorf("a member mentions %q", got)
	}
	p.expectNoTrouble()
}

func testEmojiPicker(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	focused := "document.activeElement.ariaLabel"
	one.write("warm ")
	p.click(one.is(".smile"))
	p.waitFor(focused + " === 'Search emoji'")
	p.press("ArrowDown")
	p.expect(focused, "grinning face")
	p.press("ArrowRight")
	p.expect(focused, "happy face")
	var rows struct{ Here, Below float64 }
	p.eval("((e) => ({here: e.left, below: e.top}))(document.activeElement.getBoundingClientRect())", &rows)
	p.press("ArrowDown")
	p.expect(fmt.Sprintf("((e) => Math.abs(e.left - %f) < 2 && e.top > %f)(document.activeElement.getBoundingClientRect())", rows.Here, rows.Below), "true")
	p.press("ArrowUp")
	p.press("ArrowUp")
	p.expect(focused, "Search emoji")
	p.insert("FIRE")
	p.press("Enter")
	p.expect(one.typed(), "warm 🔥")
	p.expect("document.activeElement === "+one.js(".composer textarea"), "true")

	// What was used last comes first, also in the picker for reactions and after a reload.
	p.press("Enter")
	two.waitForContents("warm 🔥")
	p.call("Page.reload", nil, nil)
	p.waitFor("document.readyState === 'complete' && document.querySelector('.pane')")
	p.both()
	two.waitForContents("warm 🔥")
	p.click(two.is(".more"))
	p.click(two.is(".menu .other"))
	p.press("ArrowDown")
	p.expect(focused, "fire")
	p.press("Enter")
	p.waitFor(one.js(".chip") + "?.textContent === '🔥 1'")
	p.click(two.is(".more"))
	p.click(two.is(".menu .other"))
	p.insert("no such thing")
	p.expect(two.js(".emoji .none")+".checkVisibility()", "true")
	p.press("Escape")
	p.press("Escape")
	p.waitFor("!document.querySelector(':popover-open')")
	p.expectNoTrouble()
}

func testLinks(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/?user=1"), phone)
	one := p.pane(1)
	one.waitForPhase("live")
	long := "https://example.com/" + strings.Repeat("unbreakable", 30)
	one.say("(https://example.com/a), javascript:alert(1) " + long + " https://exаmple.com <b>me@example.com</b>") // a Cyrillic a
	p.waitFor("document.querySelectorAll('.content .link').length === 4")
	p.expect("[...document.querySelectorAll('.content .link')].map(a => a.href + ' ' + a.textContent).slice(0, 1).join()", "https://example.com/a https://example.com/a")
	p.expect("[...document.querySelectorAll('.content .link')].every(a => a.target === '_blank' && a.rel === 'noopener noreferrer')", "true")
	p.expect("document.querySelectorAll('.content .link')[1].textContent.length", fmt.Sprint(len(long)))
	p.expect("document.querySelectorAll('.content .link')[2].title", "https://xn--exmple-4nf.com/")
	p.expect("document.querySelectorAll('.content .link')[3].href", "mailto:me@example.com")
	p.expect("document.querySelector('.scroller').scrollWidth <= document.querySelector('.scroller').clientWidth", "true")
	p.expect("document.querySelector('.content b')", "null")
	p.expectNoTrouble()
}

func testLength(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	length := one.js(".length") + ".textContent"
	one.write(strings.Repeat("x", 9_499))
	p.expect(length, "")
	p.insert("😀")
	p.expect(length, "500 characters left")
	p.waitFor(one.js(".said") + ".textContent === '500 characters left'")
	p.insert(strings.Repeat("y", 501) + "   \n") // white space at the end does not count
	p.expect(length, "1 character too many")
	p.expect(one.js(".composer textarea")+".ariaInvalid", "true")
	p.press("Enter")
	p.waitFor(one.js(".said") + ".textContent.startsWith('The message is too long')")
	p.expect(one.js(".entry"), "null")
	for range 5 {
		p.press("Backspace")
	}
	p.expect(length, "0 characters left")
	p.press("Enter")
	p.waitFor(one.js(".entry .content") + " && !document.querySelector('.pending')")
	if got := s.stored(); len(got) != 1 || len([]rune(got[0])) != 10_000 {
		t.Errorf("%d messages are stored", len(got))
	}
	p.expect(length, "")
	p.expectNoTrouble()
}

// testTakenBack: a server with a smaller limit than usual refuses a text; it is shortened and sent.
func testTakenBack(t *testing.T, c *chromium) {
	s := startServer(t, "--max-content", "50")
	g := startGateway(t, s)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	first := s.post(2, s.token(2), "Where to?", "")
	one.waitForContents(first.Content)
	p.eval(one.js(".reply")+".click()", nil)
	p.insert("To the sea, @" + s.setup.Users[1].Name + " " + strings.Repeat("and on ", 10))
	p.press("Enter")
	p.waitFor(one.js(".failed") + " !== null")
	one.write("Written meanwhile")
	p.click(one.is(".failed .back"))
	p.expect(one.js(".failed"), "null")
	p.expect(one.typed()+".startsWith('To the sea') && "+one.typed()+".endsWith('\\nWritten meanwhile')", "true")
	p.expect(one.js(".replying-text")+".textContent", "Where to?")
	p.expect(one.js(".length")+".textContent.endsWith('too many')", "true") // the server has told its limit
	p.eval(fmt.Sprintf("(() => { const a = %s; a.setSelectionRange(%d, a.value.length); })()", one.js(".composer textarea"), len("To the sea, @"+s.setup.Users[1].Name)), nil)
	p.press("Backspace")
	p.press("Enter")
	want := "To the sea, @" + s.setup.Users[1].Name
	one.waitForContents(first.Content, want)
	if got := s.mentionsOf(t); !slices.Equal(got, []string{s.setup.Users[1].Name}) {
		t.Errorf("it mentions %q", got)
	}
	p.expect(one.js(".entry:last-child .quote-text")+".textContent", "Where to?")

	// An edit that is too long is not saved; one that was refused is edited again.
	g.refuse(refusal{code: "too_long"})
	p.click(one.is(".entry:last-child .edit"))
	p.insert(strings.Repeat(" and on", 10))
	p.expect(one.js(".editor .length")+".textContent.endsWith('too many')", "true")
	p.press("Enter")
	p.expect(one.js(".editor")+" !== null", "true")
	p.eval(one.js(".editor textarea")+".select()", nil)
	p.insert("To the sea")
	p.press("Enter")
	p.waitFor(one.js(".failed") + " !== null")
	p.click(one.is(".failed .back"))
	p.expect(one.js(".editor textarea")+".value", "To the sea")
	p.insert(", again")
	p.press("Enter")
	one.waitForContents(first.Content, "To the sea, again")
	if got := s.stored(); !slices.Equal(got, []string{first.Content, "To the sea, again"}) {
		t.Errorf("stored are %q", got)
	}
	p.expectNoTrouble()
}

func testUploadThatFails(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	p.takePhotos()
	p.waitFor("!" + one.js(".attach") + ".hidden")
	g.refuse(refusal{status: http.StatusTooManyRequests, code: "quota"})
	one.choose("sea.jpg")
	p.waitFor(one.js(".tray .broken") + " !== null")
	p.expect(one.js(".file-note")+".textContent", "Refused on the way")
	one.write("At the sea")
	p.press("Enter")
	p.waitFor(one.js(".said") + ".textContent.startsWith('A file could not be uploaded')")
	p.expect(one.typed(), "At the sea")
	p.click(one.is(".tray .again"))
	p.waitFor(one.js(".tray .ready") + " !== null")
	p.expect(one.js(".tray .again")+".checkVisibility()", "false")
	p.waitFor(one.js(".said") + ".textContent === 'sea.jpg is uploaded'")
	one.choose("second.jpg")
	p.waitFor(fmt.Sprintf("document.querySelectorAll(%q).length === 2", one.is(".tray .ready")))
	p.click(one.is(".tray li:first-child .remove"))
	p.expect("document.activeElement.ariaLabel", "Remove second.jpg")
	p.click(one.is(".send"))
	one.waitForPhotos(1)
	one.waitForContents("At the sea")

	// A file of a page before goes back, too, and is shown once its message is stored.
	one.choose("third.jpg")
	p.waitFor(one.js(".tray .ready") + " !== null")
	g.refuse(refusal{code: "invalid_content"})
	one.write("Refused")
	p.press("Enter")
	p.waitFor(one.js(".failed") + " !== null")
	p.reload()
	one.waitForPhase("live")
	p.click(one.is(".failed .back"))
	p.expect(one.js(".tray .ready bdi")+".textContent", "A file")
	p.expect(one.js(".failed"), "null")
	p.press("Enter")
	one.waitForPhotos(1)
	one.waitForContents("At the sea", "Refused")
	p.expectNoTrouble(loadFailed)
}

// testWaitForFiles: who goes on writing, or takes the file away, has not sent the message. What is sent by itself takes
// the focus from nobody.
func testWaitForFiles(t *testing.T, c *chromium) {
	s := startServer(t)
	g := startGateway(t, s)
	p := openPage(t, c, g.url("/?user=1"), desktop)
	one := p.pane(1)
	one.waitForPhase("live")
	p.takePhotos()
	p.waitFor("!" + one.js(".attach") + ".hidden")
	waits := one.js(".later") + ".checkVisibility()"
	g.uploads.Lock()
	release := sync.OnceFunc(g.uploads.Unlock)
	defer func() { release() }()
	one.choose("sea.jpg")
	one.write("Half a ")
	p.press("Enter")
	p.expect(waits, "true")
	p.insert("sentence")
	p.expect(waits, "false")
	release()
	p.waitFor(one.js(".tray .ready") + " !== null")
	p.expect(one.typed(), "Half a sentence")

	g.uploads.Lock()
	release = sync.OnceFunc(g.uploads.Unlock)
	one.choose("second.jpg")
	p.press("Enter")
	p.expect(waits, "true")
	p.click(one.is(".tray li:last-child .remove"))
	p.expect(waits, "false")
	p.expect(one.typed(), "Half a sentence")
	one.choose("third.jpg")
	p.click(one.is(".composer textarea"))
	p.press("Enter")
	p.expect(waits, "true")
	p.eval(one.js(".find")+".focus()", nil)
	release()
	one.waitForPhotos(2)
	one.waitForContents("Half a sentence")
	p.expect("document.activeElement === "+one.js(".find"), "true")
	p.expect(waits, "false")

	// Of what a program has copied as a text and as a picture the text is wanted.
	p.expect(fmt.Sprintf(`(() => {
		const copied = held('image.png');
		copied.setData('text/plain', 'Gate\t4');
		return %s.dispatchEvent(new ClipboardEvent('paste', { clipboardData: copied, bubbles: true, cancelable: true }));
	})()`, one.js(".composer textarea")), "true")
	p.expect(one.js(".tray li"), "null")
	p.expectNoTrouble()
}
