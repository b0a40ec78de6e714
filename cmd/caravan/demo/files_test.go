package demo_test

import (
	"fmt"
	"testing"
)

// takePhotos puts files into the page's hands: window.photo(name) makes one of a coloured picture.
func (p *page) takePhotos() {
	p.t.Helper()
	p.eval(`(() => {
		const canvas = Object.assign(document.createElement('canvas'), { width: 1200, height: 900 });
		const draw = canvas.getContext('2d');
		draw.fillStyle = '#2a7f9e';
		draw.fillRect(0, 0, 1200, 900);
		draw.fillStyle = '#e2b04a';
		draw.fillRect(0, 600, 1200, 300);
		canvas.toBlob((b) => (window.taken = b), 'image/jpeg');
	})()`, nil)
	p.waitFor("window.taken !== undefined")
	p.eval(`window.held = (name) => {
		const held = new DataTransfer();
		held.items.add(new File([window.taken], name, { type: 'image/jpeg' }));
		return held;
	}; undefined`, nil)
}

// choose, paste and drop give a pane a photo with that name, each in its own way.
func (p pane) choose(name string) {
	p.t.Helper()
	p.eval(fmt.Sprintf(`(() => { const c = %s; c.files = held(%s).files; c.dispatchEvent(new Event('change')); })()`, p.js(".chooser"), quote(name)), nil)
}

func (p pane) paste(name string) {
	p.t.Helper()
	p.eval(fmt.Sprintf(`(() => { %s.dispatchEvent(new ClipboardEvent('paste', { clipboardData: held(%s), bubbles: true, cancelable: true })); })()`, p.js(".composer textarea"), quote(name)), nil)
}

func (p pane) drop(name string) {
	p.t.Helper()
	p.eval(fmt.Sprintf(`(() => { for (const type of ['dragover', 'drop']) %s.dispatchEvent(new DragEvent(type, { dataTransfer: held(%s), bubbles: true, cancelable: true })); })()`, p.js(".log"), quote(name)), nil)
}

// waitForPhotos waits until the last message shows so many photos, whole.
func (p pane) waitForPhotos(n int) {
	p.t.Helper()
	photos := fmt.Sprintf("[...document.querySelectorAll(%s)]", quote(p.is(".entry:last-child .photo img")))
	p.waitFor(fmt.Sprintf("%s.length === %d && %s.every(i => i.complete && i.naturalWidth > 0)", photos, n, photos))
}

// testPhotos: chosen, pasted and dropped, with a progress bar; shown by a preview, with a caption
// that can be edited; and deleted.
func testPhotos(t *testing.T, c *chromium) {
	s := startServer(t)
	p := openPage(t, c, s.url("/"), desktop)
	one, two := p.both()
	p.takePhotos()
	p.waitFor("!" + one.js(".attach") + ".hidden")
	one.choose("sea.jpg")
	p.expect(one.js(".tray progress")+".max", "1")
	p.waitFor(one.js(".tray li") + ".matches('.ready') && " + one.js(".tray li canvas") + " !== null")
	one.paste("pasted.jpg")
	one.drop("dropped.jpg")
	p.waitFor(fmt.Sprintf("document.querySelectorAll(%s).length === 3", quote(one.is(".tray .ready"))))
	p.click(one.is(".tray li:nth-child(2) .remove"))
	p.waitFor(fmt.Sprintf("document.querySelectorAll(%s).length === 2", quote(one.is(".tray .ready"))))
	p.click(one.is(".composer textarea"))
	p.insert("At the sea")
	p.press("Enter")
	one.waitForPhotos(2)
	two.waitForPhotos(2)
	two.waitForContents("At the sea")
	p.expect(one.js(".tray")+".hidden", "true")
	p.expect(two.js(".photo img")+".naturalWidth", "480") // the preview
	p.expect(two.js(".photo")+".getAttribute('href').startsWith('/api/v1/chat/attachments/')", "true")

	// On a page that is open for longer than a link works, it is renewed when it is wanted.
	p.eval(fmt.Sprintf(`(() => {
		const link = %s;
		link.dataset.until = '2026-01-01T00:00:00Z';
		link.href = 'over';
		link.querySelector('img').dispatchEvent(new Event('error'));
	})()`, two.js(".photo")), nil)
	p.waitFor(two.js(".photo") + ".getAttribute('href').startsWith('/api/v1/chat/attachments/')")

	p.click(one.is(".entry:last-child .edit"))
	p.insert(", at last")
	p.press("Enter")
	two.waitForContents("At the sea, at last")
	p.click(two.is(".entry:last-child .reply"))
	p.insert("Lovely")
	p.press("Enter")
	one.waitForContents("At the sea, at last", "Lovely")
	p.waitFor(one.js(".entry:last-child .quote-text") + ".textContent === 'At the sea, at last'")

	one.more(".entry:first-child", ".delete", ".delete")
	two.waitForContents("This message was deleted", "Lovely")
	p.expect("document.querySelectorAll('.photo').length", "0")
	p.expectNoTrouble()
}

// testPhotosOnAPhone: sent without a word, at once when the upload ends, and what the server does
// not take is said.
func testPhotosOnAPhone(t *testing.T, c *chromium) {
	s := startServer(t, "--attachment-types", "image/*")
	p := openPage(t, c, s.url("/?user=1"), phone)
	one := p.pane(1)
	one.waitForPhase("live")
	p.takePhotos()
	one.choose("sea.jpg")
	p.click(one.is(".send"))
	one.waitForPhotos(1)
	expectFitForFingers(p)
	one.choose("one.jpg")
	one.choose("two.jpg")
	p.waitFor(fmt.Sprintf("document.querySelectorAll(%s).length === 2", quote(one.is(".tray .ready"))))
	expectFitForFingers(p)
	p.eval("window.taken = new Blob(['a word'], { type: 'text/plain' }); undefined", nil)
	p.eval(`window.held = (name) => { const h = new DataTransfer(); h.items.add(new File([window.taken], name, { type: 'text/plain' })); return h; }; undefined`, nil)
	one.choose("word.txt")
	p.waitFor(one.js(".problem") + ".textContent.startsWith('word.txt: Files of this type')")
	p.expectNoTrouble("415")
}
