package admin

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// listen starts an admin port that answers to own.example.
func listen(t *testing.T, addr string, profiles bool) *Server {
	t.Helper()
	s, err := Listen(Config{
		Addr: addr, AllowHost: func(host string) bool { return strings.HasPrefix(host, "own.example") }, Profiles: profiles,
		Obstacles: func() []string { return nil }, Metrics: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ask sends a request and returns the answer and its body.
func (s *Server) ask(t *testing.T, method, path, host string, header ...string) (status int, body string) {
	t.Helper()
	_, port, _ := strings.Cut(s.Addr().String(), "]:")
	if port == "" {
		_, port, _ = strings.Cut(s.Addr().String(), ":")
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:"+port+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// TestAnotherHostIsAnswered421 on each path.
func TestAnotherHostIsAnswered421(t *testing.T) {
	s := listen(t, "127.0.0.1:0", true)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile?seconds=1", "/none"} {
		if status, body := s.ask(t, "GET", path, "evil.example:9000"); status != http.StatusMisdirectedRequest || !strings.Contains(body, "--admin-hosts") {
			t.Errorf("%s to another host: %d %s", path, status, body)
		}
	}
	if status, _ := s.ask(t, "GET", "/healthz", "own.example:9000"); status != 200 {
		t.Errorf("to its own host: %d", status)
	}
}

// TestProfilesAreForThisMachine unless they are asked for.
func TestProfilesAreForThisMachine(t *testing.T) {
	for _, c := range []struct {
		addr     string
		profiles bool
		want     int
	}{{"127.0.0.1:0", false, 200}, {"[::1]:0", false, 200}, {":0", false, 403}, {"0.0.0.0:0", false, 403}, {":0", true, 200}} {
		if c.addr == "[::1]:0" {
			if !isLoopback(listen(t, c.addr, c.profiles).Addr()) {
				t.Error("::1 is no loopback address")
			}
			continue
		}
		s := listen(t, c.addr, c.profiles)
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/symbol"} {
			if status, body := s.ask(t, "GET", path, "own.example"); status != c.want || (status == 403 && !strings.Contains(body, "--admin-pprof")) {
				t.Errorf("%s at %s, asked for %v: %d %s", path, c.addr, c.profiles, status, body)
			}
		}
		if status, _ := s.ask(t, "GET", "/healthz", "own.example"); status != 200 {
			t.Errorf("/healthz at %s: %d", c.addr, status)
		}
	}
}

// TestProfilesTellLittleAndTakeNoOrders: no command line, no page of another site, no POST.
func TestProfilesTellLittleAndTakeNoOrders(t *testing.T) {
	s := listen(t, "127.0.0.1:0", false)
	if status, body := s.ask(t, "GET", "/debug/pprof/cmdline", "own.example"); status != 404 {
		t.Errorf("the command line: %d %s", status, body)
	}
	for _, path := range []string{"/debug/pprof/profile?seconds=1", "/debug/pprof/trace?seconds=1", "/debug/pprof/heap?gc=1", "/debug/pprof/"} {
		for _, site := range []string{"cross-site", "same-site"} {
			if status, _ := s.ask(t, "GET", path, "own.example", "Sec-Fetch-Site", site); status != 403 {
				t.Errorf("%s for a page of another site (%s): %d", path, site, status)
			}
		}
		if status, _ := s.ask(t, "POST", path, "own.example"); status != 405 {
			t.Errorf("POST %s: %d", path, status)
		}
	}
	for _, site := range []string{"none", "same-origin"} { // typed, or a link of the page itself
		if status, _ := s.ask(t, "GET", "/debug/pprof/", "own.example", "Sec-Fetch-Site", site); status != 200 {
			t.Errorf("for %s: %d", site, status)
		}
	}
}

// TestProfilesEnd whatever is asked for.
func TestProfilesEnd(t *testing.T) {
	for asked, want := range map[string]string{
		"seconds=1": "1", "seconds=60": "60", "seconds=61": "60", "seconds=9223372036854775807": "60", "seconds=1e9": "60", "seconds=NaN": "60",
		"seconds=Inf": "60", "": "", "seconds=x": "x", "seconds=-1": "-1", "seconds=900&seconds=1": "60", "debug=1&seconds=3600": "60",
	} {
		r := httptest.NewRequest("GET", "/debug/pprof/profile?"+asked, nil)
		capSeconds(r)
		if got := r.FormValue("seconds"); got != want {
			t.Errorf("%q takes %q seconds, want %q", asked, got, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		h, begun := profiles(true), time.Now()
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/debug/pprof/heap?seconds=100000", nil)
		h.ServeHTTP(httptest.NewRecorder(), r)
		if took := time.Since(begun); took != profileSecondsMax*time.Second {
			t.Errorf("a profile of 100,000 s took %v", took)
		}
	})
}

// TestFewProfilesAtOneTime: more are told to come again.
func TestFewProfilesAtOneTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := profiles(true)
		codes := make(chan int, profilesMax+3)
		var asking sync.WaitGroup
		for range cap(codes) {
			asking.Go(func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/debug/pprof/heap?seconds=10", nil))
				codes <- w.Code
			})
		}
		asking.Wait()
		close(codes)
		count := map[int]int{}
		for code := range codes {
			count[code]++
		}
		if count[200] != profilesMax || count[503] != 3 {
			t.Errorf("answers %v", count)
		}
	})
}

// TestLeaveGivesThePortToAnotherServer: two may listen where both say so.
func TestLeaveGivesThePortToAnotherServer(t *testing.T) {
	cfg := Config{
		Addr: "127.0.0.1:0", ReusePort: true, AllowHost: func(string) bool { return true },
		Obstacles: func() []string { return []string{"old"} }, Metrics: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler),
	}
	old, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Addr, cfg.Obstacles = old.Addr().String(), func() []string { return nil }
	young, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	old.Leave()
	for range 20 {
		if status, body := young.ask(t, "GET", "/readyz", "x"); status != 200 {
			t.Errorf("%d %s", status, body)
		}
	}
	for _, s := range []*Server{old, young} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
