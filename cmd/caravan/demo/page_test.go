package demo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// waitTimeout bounds what a page may take to come to a state; the way back from
// standard messaging alone takes up to 15 s.
const waitTimeout = 40 * time.Second

// window is what a page is opened in.
type window struct {
	width, height int
	scale         int // device pixels per pixel; 0 means 1
	dark          bool
	touch         bool
}

var (
	desktop = window{width: 1280, height: 800}
	phone   = window{width: 390, height: 844, scale: 2, touch: true}
)

// page is a tab with a profile of its own.
type page struct {
	t       *testing.T
	browser *chromium
	profile *profile
	session string

	mu       sync.Mutex
	troubles []string // errors and warnings of the console, uncaught exceptions, policy violations
}

// openPage opens url in a new tab and waits until the page's script has run.
func openPage(t *testing.T, c *chromium, url string, w window) *page {
	t.Helper()
	return openPageOnce(t, c, url, w, "document.querySelector('.pane')")
}

// openPageOnce is openPage of a page that is there once an expression holds.
func openPageOnce(t *testing.T, c *chromium, url string, w window, there string) *page {
	t.Helper()
	of, err := c.takeProfile()
	if err != nil {
		t.Fatal(err)
	}
	p := &page{t: t, browser: c, profile: of}
	t.Cleanup(func() {
		if err := c.leaveProfile(of, url); err != nil {
			t.Errorf("the tab did not close: %v", err)
		}
	})
	p.open(url, w, there)
	return p
}

// anotherTab opens url in a further tab of the same profile.
func (p *page) anotherTab(url string, w window) *page {
	p.t.Helper()
	other := &page{t: p.t, browser: p.browser, profile: p.profile}
	other.open(url, w, "document.querySelector('.pane')")
	return other
}

func (p *page) open(url string, w window, there string) {
	p.t.Helper()
	c := p.browser
	var made struct{ TargetID, SessionID string }
	p.must(c.call("", "Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": p.profile.context}, &made))
	p.must(c.call("", "Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &made))
	p.session = made.SessionID
	p.profile.tabs = append(p.profile.tabs, tab{made.TargetID, made.SessionID})
	c.mu.Lock()
	c.events[p.session] = p.event
	c.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		p.call(domain+".enable", nil, nil)
	}
	p.call("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}, nil) // several tabs are in front
	p.resize(w)
	p.call("Page.navigate", map[string]any{"url": url}, nil)
	p.waitFor("document.readyState === 'complete' && " + there)
}

func (p *page) resize(w window) {
	p.t.Helper()
	if w.scale == 0 {
		w.scale = 1
	}
	scheme := "light"
	if w.dark {
		scheme = "dark"
	}
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": w.width, "height": w.height, "deviceScaleFactor": w.scale, "mobile": w.touch}, nil)
	p.call("Emulation.setTouchEmulationEnabled", map[string]any{"enabled": w.touch}, nil)
	p.call("Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// event notes what a page must not do. It runs on the browser's reader.
func (p *page) event(method string, params json.RawMessage) {
	var e struct {
		Type             string
		Args             []json.RawMessage
		ExceptionDetails struct {
			Text      string
			Exception struct{ Description string }
		}
		Entry struct{ Source, Level, Text, URL string }
	}
	if err := json.Unmarshal(params, &e); err != nil {
		return // an event of another shape
	}
	var trouble string
	switch method {
	case "Runtime.exceptionThrown":
		trouble = e.ExceptionDetails.Text + " " + e.ExceptionDetails.Exception.Description
	case "Runtime.consoleAPICalled":
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			trouble = fmt.Sprintf("console.%s %s", e.Type, e.Args)
		}
	case "Log.entryAdded":
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			trouble = fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	}
	if trouble == "" {
		return
	}
	p.mu.Lock()
	p.troubles = append(p.troubles, trouble)
	p.mu.Unlock()
}

// expectNoTrouble fails for everything the console has seen. The texts given
// are expected: a browser itself reports a connection that failed.
func (p *page) expectNoTrouble(expected ...string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
next:
	for _, trouble := range p.troubles {
		for _, e := range expected {
			if strings.Contains(trouble, e) {
				continue next
			}
		}
		p.t.Errorf("the page is in trouble: %s", trouble)
	}
}

func (p *page) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) call(method string, params, result any) {
	p.t.Helper()
	p.must(p.browser.call(p.session, method, params, result))
}

// errLeft: the page was left, or loaded anew, before it could answer.
var errLeft = errors.New("the page is another one")

// eval runs an expression in the page, waits for its promise, and decodes its
// value into result, unless nil.
func (p *page) eval(expression string, result any) {
	p.t.Helper()
	if err := p.tryEval(expression, result); err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
}

func (p *page) tryEval(expression string, result any) error {
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := p.browser.call(p.session, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &answer)
	if err != nil {
		for _, said := range []string{"Inspected target navigated", "Execution context was destroyed", "Cannot find default execution context", "Promise was collected"} {
			if strings.Contains(err.Error(), said) {
				return fmt.Errorf("%w: %w", errLeft, err)
			}
		}
		return err
	}
	switch e := answer.ExceptionDetails; {
	case e != nil:
		return fmt.Errorf("%s %s", e.Text, e.Exception.Description)
	case result == nil:
		return nil
	case answer.Result.Value == nil:
		return errors.New("it has no value")
	}
	return json.Unmarshal(answer.Result.Value, result)
}

// pause waits before a page is asked again: the longer it took so far, the longer, as to be
// asked is work for it.
func pause(begun time.Time) {
	time.Sleep(min(max(time.Since(begun)/10, 20*time.Millisecond), 200*time.Millisecond))
}

// waitFor waits until the expression is true.
func (p *page) waitFor(expression string) {
	p.t.Helper()
	if !p.comesTrue(expression) {
		var text string
		p.eval("document.body.innerText.replace(/\\n\\s*/g, '\\n').slice(0, 4000)", &text)
		p.t.Fatalf("not true within %v: %s\nThe page shows:\n%s", waitTimeout, expression, text)
	}
}

// askedFor is how long the page itself looks, again and again, before it answers that something is not so: to ask it for
// each look is more work than the looks are.
const askedFor = time.Second

// comesTrue reports whether the expression becomes true in time. A page that is left while it looks is asked again.
func (p *page) comesTrue(expression string) bool {
	p.t.Helper()
	for begun := time.Now(); time.Since(begun) < waitTimeout; {
		look := fmt.Sprintf(`(async (is, began) => {
			for (const until = performance.now() + %d; !is(); ) {
				const now = performance.now();
				if (now > until) return false;
				await new Promise((later) => setTimeout(later, Math.min(Math.max((now - began) / 10, 20), 200)));
			}
			return true;
		})(() => (%s), performance.now() - %d)`, askedFor.Milliseconds(), expression, time.Since(begun).Milliseconds())
		var ok bool
		switch err := p.tryEval(look, &ok); {
		case errors.Is(err, errLeft):
			pause(begun)
		case err != nil:
			p.t.Fatalf("%s: %v", expression, err)
		case ok:
			return true
		}
	}
	return false
}

// expect compares what an expression is with what it should be.
func (p *page) expect(expression, want string) {
	p.t.Helper()
	var got string
	p.eval("String("+expression+")", &got)
	if got != want {
		p.t.Errorf("%s\n got %q\nwant %q", expression, got, want)
	}
}

// click moves the mouse (or a finger) to the middle of what the selector finds, and
// presses it there. People press what stands still and is in sight: it waits for that, and
// where the page has moved under the press it is repeated.
func (p *page) click(selector string) {
	p.t.Helper()
	for begun := time.Now(); ; pause(begun) {
		trouble := p.tryClick(selector)
		if trouble == "" {
			return
		}
		if time.Since(begun) > waitTimeout {
			p.t.Fatalf("%s %s", selector, trouble)
		}
	}
}

// tryClick presses once, and returns why what the selector finds was not pressed.
func (p *page) tryClick(selector string) (trouble string) {
	p.t.Helper()
	var at struct {
		X, Y    float64
		Trouble string
	}
	p.eval(fmt.Sprintf(`(async () => {
		const e = document.querySelector(%q);
		if (!e) return {trouble: 'is not there'};
		e.scrollIntoView({block: 'nearest'});
		const was = e.getBoundingClientRect();
		await %s;
		const is = e.getBoundingClientRect();
		if (!is.width || !is.height) return {trouble: 'is not shown'};
		if (is.x !== was.x || is.y !== was.y || is.width !== was.width || is.height !== was.height) return {trouble: 'moves'};
		return {x: is.x + is.width / 2, y: is.y + is.height / 2};
	})()`, selector, lastFrame), &at)
	if at.Trouble != "" {
		return at.Trouble
	}
	mouse := func(kind string) {
		p.t.Helper()
		p.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
	mouse("mouseMoved")
	p.eval(fmt.Sprintf(`(() => {
		const inside = (hit) => document.querySelector(%[1]q)?.contains(hit);
		const hit = document.elementFromPoint(%[2]f, %[3]f);
		if (!inside(hit)) return 'is covered by ' + (hit?.outerHTML.slice(0, 200) ?? 'nothing');
		window.missed = 'was pressed, and is another element since';
		addEventListener('pointerdown', ({target}) => {
			if (!inside(target)) window.missed = 'moved away: pressed was ' + (target.outerHTML?.slice(0, 200) ?? target);
		}, {capture: true, once: true});
		addEventListener('click', ({target}) => { if (inside(target)) window.missed = ''; }, {capture: true, once: true});
		return '';
	})()`, selector, at.X, at.Y), &trouble)
	if trouble != "" {
		return trouble
	}
	mouse("mousePressed")
	mouse("mouseReleased")
	return p.missed()
}

// missed is what the page says of the last press; nothing, where the press has led to another page.
func (p *page) missed() (trouble string) {
	var answer struct{ Result struct{ Value string } }
	_ = p.browser.call(p.session, "Runtime.evaluate", map[string]any{"expression": "window.missed ?? ''", "returnByValue": true}, &answer)
	return answer.Result.Value
}

// insert types text into what has the focus.
func (p *page) insert(text string) {
	p.t.Helper()
	p.call("Input.insertText", map[string]any{"text": text}, nil)
}

// keys are the virtual key codes of the keys that press knows.
var keys = map[string]int{
	"Enter": 13, "Escape": 27, "Tab": 9, "ArrowUp": 38, "ArrowDown": 40, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Backspace": 8, "/": 191, "?": 191,
}

// press presses a key; shift+ before its name holds Shift.
func (p *page) press(name string) {
	p.t.Helper()
	key, shift := strings.CutPrefix(name, "shift+")
	code, ok := keys[key]
	if !ok {
		p.t.Fatalf("no key %q", key)
	}
	down := map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code}
	switch key {
	case "Enter":
		down["text"] = "\r"
	case "/", "?":
		down["text"] = key
	}
	if shift {
		down["modifiers"] = 8
	}
	p.call("Input.dispatchKeyEvent", down, nil)
	p.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code}, nil)
}
