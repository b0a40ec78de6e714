package demo_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// smallTargets are the controls in sight that a finger would miss. Links in a text are as high as its lines.
const smallTargets = `[...document.querySelectorAll('a:not(.link), button, select, textarea')]
	.filter(e => e.checkVisibility({visibilityProperty: true}))
	.map(e => [e.className || e.id || e.tagName, e.getBoundingClientRect()])
	.filter(([, r]) => r.width < 44 || r.height < 44)
	.map(([name, r]) => name + ' ' + r.width + '×' + r.height)`

func expectFitForFingers(p *page) {
	p.t.Helper()
	var small []string
	if p.eval(smallTargets, &small); len(small) > 0 {
		p.t.Errorf("smaller than 44 px: %q", small)
	}
	p.expect("document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('.scroller')].every(e => e.scrollWidth <= e.clientWidth)", "true")
}

func testPhone(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), phone)
	one, two := p.both()
	shown := func(n int) string { return p.pane(n).js("h3") + ".checkVisibility()" }
	p.expect(shown(1), "true")
	p.expect(shown(2), "false")
	one.say("Hello from my phone")
	p.waitFor("document.querySelector('#switch button:nth-child(2) .count')?.textContent === '1 new'")
	p.click("#switch button:nth-child(2)")
	p.expect(shown(1), "false")
	p.expect(shown(2), "true")
	p.expect("document.querySelector('#switch .count')", "null")
	p.expect("document.querySelector('#switch [aria-pressed=true]').ariaLabel", s.setup.Users[1].Name)
	two.waitForContents("Hello from my phone")

	// A touch shows what can be done with a message.
	p.expect(two.js(".reply")+".checkVisibility({visibilityProperty: true})", "false")
	p.click(two.is(".bubble"))
	p.click(two.is(".reply"))
	p.insert("And from mine")
	p.click(two.is(".send"))
	one.waitForContents("Hello from my phone", "And from mine")
	p.click("#switch button:nth-child(1)")
	p.click(one.is(".bubble"))
	expectFitForFingers(p)
	p.click(one.is(".edit"))
	expectFitForFingers(p)
	p.expectNoTrouble()
}

func testNarrowestWindow(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), window{width: 320, height: 480, touch: true})
	one, _ := p.both()
	one.say(strings.Repeat("unbreakable", 40))
	one.say("A short one")
	p.waitFor("!document.querySelector('.pending')")
	p.click(one.is(".entry:last-child .bubble"))
	p.click(one.is(".entry:last-child .reply"))
	expectFitForFingers(p)
	p.eval(one.js(".scroller")+".scrollTop = 0", nil)
	p.expect(one.js(".composer .send")+".getBoundingClientRect().bottom <= innerHeight", "true")
	var covered []string
	p.eval(`[...document.querySelectorAll('.banner a, .banner button, .room-head button, .composer button, .composer textarea, .latest')].filter((e) => {
		if (!e.checkVisibility({visibilityProperty: true})) return false;
		const r = e.getBoundingClientRect();
		const own = e.closest('textarea')?.closest('.field') ?? e; // a text has a button within it
		return [r.x + r.width / 2, r.x + 4, r.right - 4].some((x) => !own.contains(document.elementFromPoint(x, r.y + r.height / 2)));
	}).map((e) => e.className || e.textContent)`, &covered)
	if len(covered) > 0 {
		t.Errorf("covered by something else: %q", covered)
	}
	p.expect(one.js(".scroller")+".clientHeight > 100", "true")
	p.expectNoTrouble()
}

// poorContrast are the texts in sight whose contrast with what is behind them
// is below 4.5 to 1 (WCAG 2, level AA).
const poorContrast = `(() => {
	const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
	const over = (behind, colour) => {
		canvas.fillStyle = behind; canvas.fillRect(0, 0, 1, 1);
		canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
		const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
		return 'rgb(' + r + ' ' + g + ' ' + b + ')';
	};
	const light = (colour) => {
		const [r, g, b] = colour.match(/\d+/g).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
		return .2126 * r + .7152 * g + .0722 * b;
	};
	const behind = (e) => over(e.parentElement ? behind(e.parentElement) : 'white', getComputedStyle(e).backgroundColor);
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	const poor = [];
	for (let text; (text = texts.nextNode()); ) {
		const e = text.parentElement;
		if (!text.data.trim() || e.tagName === 'OPTION' || getComputedStyle(e).clipPath !== 'none' || !e.checkVisibility({visibilityProperty: true})) continue;
		const back = behind(e);
		const [a, b] = [light(over(back, getComputedStyle(e).color)), light(back)].sort((x, y) => y - x);
		const ratio = (a + .05) / (b + .05);
		if (ratio < 4.5) poor.push(text.data.trim() + ' ' + ratio.toFixed(2));
	}
	return poor;
})()`

func testContrast(t *testing.T, c *chromium) {
	s := startServer(t)
	for _, w := range []window{desktop, {width: 1280, height: 800, dark: true}, phone, {width: 390, height: 844, touch: true, dark: true}} {
		p := openPage(t, c, s.url("/"), w)
		one, two := p.both()
		one.say("What do you see?")
		p.waitFor("!document.querySelector('.pending')")
		p.eval(one.js(".entry:last-child .reply")+".click()", nil)
		p.insert("A reply")
		p.press("Enter")
		p.waitFor("!document.querySelector('.pending')")
		p.eval(two.js(".entry:last-child .reply")+".click()", nil)
		p.eval(one.js(".entry:last-child .edit")+".click()", nil)
		var poor []string
		if p.eval(poorContrast, &poor); len(poor) > 0 {
			t.Errorf("%+v: contrast below 4.5: %q", w, poor)
		}
		p.expectNoTrouble()
	}
}

// testScreenReader reads the page as assistive technology does.
func testScreenReader(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	one.say("Can you hear me?")
	two.waitForContents("Can you hear me?")
	p.click(two.is(".entry:first-child .reply"))
	p.insert("Loud and clear")
	p.press("Enter")
	one.waitForContents("Can you hear me?", "Loud and clear")
	p.eval(one.js(".message")+".focus()", nil)

	type property struct{ Value json.RawMessage }
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name property
			Properties []struct {
				Name  string
				Value property
			}
		}
	}
	p.call("Accessibility.getFullAXTree", nil, &tree)
	var heard []string
	for _, n := range tree.Nodes {
		if n.Ignored {
			continue
		}
		var role, name string
		p.must(json.Unmarshal(n.Role.Value, &role))
		if n.Name.Value != nil {
			p.must(json.Unmarshal(n.Name.Value, &name))
		}
		for _, property := range n.Properties {
			if role == "log" && property.Name == "live" {
				name += " live " + strings.Trim(string(property.Value.Value), `"`)
			}
		}
		heard = append(heard, role+": "+name)
	}
	first, second := s.setup.Users[0].Name, s.setup.Users[1].Name
	var time string
	p.eval(one.js("time")+".textContent", &time)
	want := []string{
		"banner: ", "heading: " + s.setup.Trips[0].Title, "navigation: Views", "main: ",
		"region: " + first, "region: " + second, "heading: You are " + first, "link: Open " + first + " on an own page",
		"log: Messages in " + s.setup.Trips[0].Title, // nothing of it is live: rows come and go as people scroll
		"log: New messages live polite",
		"article: You, " + time,
		"button: In reply to " + first + " Can you hear me?",
		"button: Reply", "button: Edit", "textbox: Message as " + first, "textbox: Message as " + second, "button: Send",
	}
	for _, w := range want {
		if !slices.Contains(heard, w) {
			t.Errorf("not heard: %q", w)
		}
	}
	article := regexp.MustCompile(`^article: ` + regexp.QuoteMeta(second) + `, \d\d:\d\d [AP]M$`) // perhaps of the next minute
	if !slices.ContainsFunc(heard, article.MatchString) {
		t.Errorf("not heard: %v", article)
	}
	if t.Failed() {
		t.Logf("heard:\n%s", strings.Join(heard, "\n"))
	}
	// Every control has a name.
	for _, h := range heard {
		if role, name, _ := strings.Cut(h, ": "); name == "" && slices.Contains([]string{"button", "link", "textbox", "combobox", "article", "region", "log"}, role) {
			t.Errorf("a %s without a name", role)
		}
	}
	p.expect("document.documentElement.lang", "en")
	p.expectNoTrouble()
}
