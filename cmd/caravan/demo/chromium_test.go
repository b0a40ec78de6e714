package demo_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/servers"
)

// callTimeout bounds every answer of the browser: a hang is a failure. On a machine that is
// busy with other tests one took more than 20 s.
const callTimeout = time.Minute

// chromium is a headless browser, spoken to over its DevTools pipe: JSON texts
// that end with a zero byte, on its descriptors 3 (in) and 4 (out).
type chromium struct {
	process *exec.Cmd
	in      io.WriteCloser

	mu       sync.Mutex
	last     int
	calls    map[int]chan devtoolsText
	events   map[string]func(method string, params json.RawMessage) // by session
	profiles []*profile                                             // that nobody has now
	gone     chan struct{}                                          // closed when the pipe ends
}

// devtoolsText is what the browser sends: an answer (ID set) or an event.
type devtoolsText struct {
	ID        int             `json:"id"`
	SessionID string          `json:"sessionId"`
	Method    string          `json:"method"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// startChromium starts a browser of its own for the test, and ends it with it.
// A missing Chromium is a failure: the page is tested in a browser or not at all.
func startChromium(t *testing.T) *chromium {
	t.Helper()
	servers.Needs(t, "Chromium")
	c, err := launchChromium(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// oneChromium is the browser of all tests that do nothing to it but open pages, each with a profile of its own; TestMain
// ends it. To start one takes seconds.
var oneChromium struct {
	once sync.Once
	*chromium
	err error
}

func sharedChromium(t *testing.T) *chromium {
	t.Helper()
	servers.Needs(t, "Chromium")
	oneChromium.once.Do(func() { oneChromium.chromium, oneChromium.err = launchChromium(filepath.Join(buildDir, "browser")) })
	if oneChromium.err != nil {
		t.Fatal(oneChromium.err)
	}
	return oneChromium.chromium
}

// without is what a browser does for its own windows and for pages that come next, which nobody sees here: it takes two
// processes more for each profile.
const without = "Translate,OptimizationHints,MediaRouter,PreloadTopChromeWebUI,SpareRendererForSitePerProcess"

// launchChromium starts a browser, with its files in a directory.
func launchChromium(dir string) (*chromium, error) {
	path := findChromium()
	if path == "" {
		return nil, errors.New("the demo page is tested in a real browser, and there is none: install Chromium " +
			"(Debian, Ubuntu: apt-get install -y chromium), or run `make test`, which does")
	}
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c := &chromium{
		in:     ourOut,
		calls:  map[int]chan devtoolsText{},
		events: map[string]func(string, json.RawMessage){},
		gone:   make(chan struct{}),
	}
	c.process = exec.Command(path,
		"--headless", "--remote-debugging-pipe", "--user-data-dir="+dir,
		"--no-sandbox", // tests run as root in containers
		"--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--disable-dev-shm-usage", "--disable-features="+without,
		"--hide-scrollbars", "--lang=en-GB", "--force-color-profile=srgb",
		"about:blank",
	)
	c.process.Env = append(os.Environ(), "LANGUAGE=en_GB", "TZ=Europe/Lisbon")
	c.process.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := c.process.Start(); err != nil {
		return nil, err
	}
	theirIn.Close()
	theirOut.Close()
	go c.read(ourIn)
	return c, nil
}

// findChromium is the path of a Chromium by one of its names, or empty.
func findChromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// stop asks the browser to close, so that its helper processes end too and the
// profile can be removed; one that does not is killed.
func (c *chromium) stop() error {
	var late error
	asked := c.call("", "Browser.close", nil, nil)
	exited := make(chan error, 1)
	go func() { exited <- c.process.Wait() }()
	select {
	case <-exited:
	case <-time.After(callTimeout):
		late = errors.New("Chromium did not exit and is killed")
		c.process.Process.Kill()
		<-exited
	}
	c.in.Close()
	<-c.gone
	return errors.Join(asked, late)
}

// read passes answers to callers and events to sessions until the pipe ends.
func (c *chromium) read(pipe io.ReadCloser) {
	defer close(c.gone)
	defer pipe.Close()
	r := bufio.NewReaderSize(pipe, 1<<20)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var d devtoolsText
		if err := json.Unmarshal(text[:len(text)-1], &d); err != nil {
			panic(fmt.Sprintf("the browser sent no JSON: %.200q", text))
		}
		c.mu.Lock()
		answer, event := c.calls[d.ID], c.events[d.SessionID]
		delete(c.calls, d.ID)
		c.mu.Unlock()
		switch {
		case d.ID != 0 && answer != nil:
			answer <- d
		case d.ID == 0 && event != nil:
			event(d.Method, d.Params)
		}
	}
}

// call runs one DevTools command and decodes its answer into result, unless nil.
func (c *chromium) call(session, method string, params, result any) error {
	if params == nil {
		params = struct{}{}
	}
	answer := make(chan devtoolsText, 1)
	c.mu.Lock()
	c.last++
	text, err := json.Marshal(struct {
		ID        int    `json:"id"`
		SessionID string `json:"sessionId,omitempty"`
		Method    string `json:"method"`
		Params    any    `json:"params"`
	}{c.last, session, method, params})
	if err == nil {
		c.calls[c.last] = answer
		_, err = c.in.Write(append(text, 0))
	}
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case d := <-answer:
		if d.Error != nil {
			return fmt.Errorf("%s: %s", method, d.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(d.Result, result)
	case <-c.gone:
		if method == "Browser.close" {
			return nil // it closed before it could answer
		}
		return fmt.Errorf("%s: %w", method, errors.New("the browser is gone"))
	case <-time.After(callTimeout):
		return fmt.Errorf("%s: no answer within %v", method, callTimeout)
	}
}
