package demo_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/protocol/token"
)

// firstToken is how long the first token of a page of the library lasts: the server says at half of it that it ends.
const firstToken = 4 * time.Second

// libraryPage is the smallest page that uses the library.
const libraryPage = `<!doctype html><meta charset="utf-8"><title>Library</title><link rel="icon" href="data:,">
<script type="module">
import { Caravan } from '/library/index.js';
import { Attachments } from '/library/attachments.js';
import { orLongPoll } from '/library/fallback.js';
import { Rooms } from '/library/rooms.js';
const trip = new URLSearchParams(location.search).get('trip');
const caravan = new Caravan({
  token: async (fresh) => (await fetch('/token?fresh=' + fresh)).text(),
  store: { get: (k) => localStorage.getItem(k), set: (k, v) => localStorage.setItem(k, v) },
  socket: orLongPoll(),
});
const told = [];
const room = caravan.room(trip);
room.on('messages', ({ changed }) => told.push(...changed.filter((m) => m.rev === m.seq).map((m) => m.content)));
window.chat = { caravan, room, told, files: new Attachments(caravan), rooms: new Rooms(caravan) };
</script>`

// uploadPhoto draws a photo that is too large for a preview, and uploads it.
const uploadPhoto = `(async () => {
  const canvas = new OffscreenCanvas(1600, 900);
  const context = canvas.getContext('2d');
  for (let x = 0; x < 1600; x += 4) {
    for (let y = 0; y < 900; y += 4) {
      context.fillStyle = 'hsl(' + (x * y % 360) + ' 80% ' + ((x + y) % 90) + '%)';
      context.fillRect(x, y, 4, 4);
    }
  }
  const photo = await canvas.convertToBlob({ type: 'image/jpeg', quality: 1 });
  if (photo.size < 200 * 1024) throw new Error('it has only ' + photo.size);
  window.photo = await chat.files.upload(chat.room, new File([photo], 'sea.jpg', { type: photo.type })).done;
})()`

// previewOfPhoto is what its preview is that the library has made: the type, the pixels, and whether the server takes it.
const previewOfPhoto = `(async () => {
  const message = chat.room.messages.at(-1);
  const blob = await (await fetch(await chat.files.link(message, message.attachments[1], { preview: true }))).blob();
  const image = await createImageBitmap(blob);
  return [blob.type, image.width, image.height, blob.size <= 100 * 1024].join();
})()`

// writtenAtOnce is how much a store has that answers by promises, when two outboxes have written five entries each to it at once.
const writtenAtOnce = `(async () => {
  const [{ sharedStore }, { Outbox }] = await Promise.all([import('/library/shared-store.js'), import('/library/outbox.js')]);
  let text = null;
  const later = (what) => new Promise((resolve) => setTimeout(() => resolve(what()), 2));
  const store = { get: () => later(() => text), set: (_, now) => later(() => void (text = now)) };
  const pages = [0, 1].map(() => new Outbox(sharedStore(store), Promise.resolve('key'), (error) => { throw error; }));
  await Promise.all(pages.map((page) => page.load()));
  for (let i = 0; i < 5; i++) for (const page of pages) page.add({ type: 'chat_message', content: 'one' });
  await Promise.all(pages.map((page) => page.gone({ clientId: 'none' })));
  return String(JSON.parse(text).length);
})()`

// library serves a page that uses the library beside a server that a gateway stands before.
type library struct {
	*server
	gateway *gateway
	keeps   bool         // the page's application keeps its token, until another one is wanted
	kept    atomic.Value // that token
	fresh   atomic.Int64 // tokens that were wanted fresh
	ends    atomic.Int64 // when the first token ends, in ms
	http    *httptest.Server
}

func startLibrary(t *testing.T) *library {
	t.Helper()
	s := startServer(t, "--attachments", "file:"+t.TempDir())
	l := &library{server: s, gateway: startGateway(t, s)}
	mux := http.NewServeMux()
	mux.Handle("/library/", http.StripPrefix("/library/", http.FileServer(http.Dir("../../../protocol/client"))))
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(libraryPage))
	})
	mux.HandleFunc("/token", l.serveToken)
	mux.Handle("/", l.gateway)
	l.http = httptest.NewServer(mux)
	t.Cleanup(l.http.Close)
	return l
}

func (l *library) serveToken(w http.ResponseWriter, r *http.Request) {
	if l.keeps {
		l.serveKept(w, r)
		return
	}
	ttl := time.Hour
	if r.FormValue("fresh") == "true" {
		l.fresh.Add(1)
	} else if l.ends.CompareAndSwap(0, time.Now().Add(firstToken).UnixMilli()) {
		ttl = firstToken
	}
	text, err := token.Sign([]byte(config.DevelopmentSecret), l.setup.Users[0].ID, ttl)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write([]byte(text))
}

// serveKept gives the token that was given last, which may have ended, unless a fresh one is wanted. All end soon.
func (l *library) serveKept(w http.ResponseWriter, r *http.Request) {
	text, _ := l.kept.Load().(string)
	if fresh := r.FormValue("fresh") == "true"; fresh || text == "" {
		if fresh {
			l.fresh.Add(1)
		}
		var err error
		if text, err = token.Sign([]byte(config.DevelopmentSecret), l.setup.Users[0].ID, firstToken); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		l.kept.Store(text)
	}
	w.Write([]byte(text))
}

// away lets nothing through, as with no network.
func (l *library) away(is bool) {
	l.gateway.down.Store(is)
	if is {
		l.gateway.cut()
	}
}

// One page of the library goes through what networks, servers, tokens and people do to it.
func TestLibraryInABrowser(t *testing.T) {
	t.Parallel()
	l := startLibrary(t)
	c := startChromium(t)
	p := openPageOnce(t, c, l.http.URL+"/page?trip="+l.setup.Trips[0].ID.String(), desktop, "window.chat?.room.state.phase === 'live'")
	before := len(l.stored())
	var want []string
	send := func(text string) { p.eval("void chat.room.send("+quote(text)+")", nil) }
	arrived := func(texts ...string) {
		t.Helper()
		want = append(want, texts...)
		list, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		p.waitFor("chat.room.outbox.length === 0 && JSON.stringify(chat.room.messages.slice(" + strconv.Itoa(before) + ").map((m) => m.content)) === " + quote(string(list)))
		if got := l.stored()[before:]; !slices.Equal(got, want) {
			t.Fatalf("stored are %q, want %q", got, want)
		}
	}
	online := "dispatchEvent(new Event('online'))" // does not wait for the next attempt

	send("first")
	arrived("first")
	sockets := l.gateway.sockets.Load()
	p.waitFor("Date.now() > " + strconv.FormatInt(l.ends.Load(), 10))
	send("after the end of the first token")
	arrived("after the end of the first token")
	if got := l.gateway.sockets.Load(); got != sockets || l.fresh.Load() == 0 {
		t.Errorf("%d WebSockets, want %d: the connection goes on with a fresh token (%d)", got, sockets, l.fresh.Load())
	}

	// Files.
	p.eval(`chat.files.upload(chat.room, new File(['a sea'], 'sea.txt', { type: 'text/plain' })).done.then((a) => void (window.file = a))`, nil)
	p.eval(uploadPhoto, nil)
	p.eval(`void chat.room.send('two files', { attachments: [file.id, photo.id] })`, nil)
	p.waitFor("chat.room.outbox.length === 0 && chat.room.messages.at(-1).attachments")
	var bytes string
	p.eval("chat.files.link(chat.room.messages.at(-1), chat.room.messages.at(-1).attachments[0]).then(fetch).then((answer) => answer.text())", &bytes)
	if bytes != "a sea" {
		t.Errorf("the file has %q", bytes)
	}
	var preview string
	if p.eval(previewOfPhoto, &preview); preview != "image/jpeg,480,270,true" {
		t.Errorf("the preview is %s", preview)
	}
	p.eval("void chat.room.remove(chat.room.messages.at(-1).id)", nil)
	p.waitFor("chat.room.outbox.length === 0 && chat.room.messages.at(-1).deleted_at")
	var tombstone string
	p.eval("chat.room.messages.at(-1).content", &tombstone)
	want = append(want, tombstone)

	var written string
	if p.eval(writtenAtOnce, &written); written != "10" {
		t.Errorf("of ten entries that two outboxes wrote at once %s are in the store", written)
	}

	// Written without a network, and the page is loaded anew.
	l.away(true)
	send("offline, one")
	send("offline, two")
	p.waitFor("JSON.stringify(localStorage).includes('offline, two')")
	p.eval("void delete window.chat", nil)
	p.call("Page.reload", nil, nil)
	p.waitFor("window.chat")
	l.away(false)
	p.waitFor(online + " && chat.room.state.phase === 'live'")
	arrived("offline, one", "offline, two")

	// The server is killed.
	l.kill()
	send("while it restarts")
	l.start()
	p.waitFor(online + " && chat.room.state.phase === 'live'")
	arrived("while it restarts")

	// The machine sleeps; meanwhile others write, and the connection ends without a word.
	wake := c.sleep(t)
	l.kill()
	l.start()
	l.post(2, l.tokenOf(1), "while it slept", "")
	wake()
	arrived("while it slept")

	// WebSockets are blocked.
	l.gateway.blockSockets.Store(true)
	l.gateway.cut()
	p.waitFor(online + " && chat.caravan.state.phase === 'fallback'")
	send("by REST")
	l.post(2, l.tokenOf(1), "to REST", "")
	p.waitFor("chat.room.outbox.length === 0 && chat.room.messages.length === " + strconv.Itoa(before+len(want)+2))
	p.expect("new Set(chat.told).size === chat.told.length", "true")
	p.expect("chat.rooms.list.length > 0 && chat.rooms.list[0].lastMessage.id === chat.room.messages.at(-1).id", "true")
	p.expectNoTrouble(socketFailed, loadFailed)
}

// tokenOf is a token of the Nth user, from 0.
func (l *library) tokenOf(n int) string {
	text, err := token.Sign([]byte(config.DevelopmentSecret), l.setup.Users[n].ID, time.Hour)
	if err != nil {
		l.t.Fatal(err)
	}
	return text
}

// sleep stops the browser and all its processes, until what it returns is called.
func (c *chromium) sleep(t *testing.T) (wake func()) {
	t.Helper()
	all := append(descendants(c.process.Process.Pid), c.process.Process.Pid)
	signal := func(s syscall.Signal) {
		for _, pid := range all {
			syscall.Kill(pid, s) // one may have ended
		}
	}
	signal(syscall.SIGSTOP)
	t.Cleanup(func() { signal(syscall.SIGCONT) }) // also where the test fails
	return func() { signal(syscall.SIGCONT) }
}

// descendants are the processes that a process has started, and theirs.
func descendants(pid int) []int {
	tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children") // none of one that has ended
	var all []int
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(append(all, child), descendants(child)...)
			}
		}
	}
	return all
}
