package demo_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/cmd/caravan/demo"
)

var (
	amina = demo.User{ID: uuid.MustParse("6f0a8f5e-0000-4000-8000-000000000001"), Email: "amina@example.com", Name: "Amina Diallo"}
	jonas = demo.User{ID: uuid.MustParse("6f0a8f5e-0000-4000-8000-000000000002"), Email: "jonas@example.com", Name: "Jonas </script>"}
)

func newDemo() *demo.Demo {
	return demo.New(demo.Config{
		Users: []demo.User{amina, jonas},
		Trips: []demo.Trip{{ID: uuid.MustParse("6f0a8f5e-0000-4000-8000-00000000000a"), Title: "Lisbon to Marrakesh"}},
		Token: func(u uuid.UUID) (string, error) {
			if u == jonas.ID {
				return "", errors.New("no key")
			}
			return "token-of-" + u.String(), nil
		},
		Log: slog.New(slog.DiscardHandler),
	})
}

// ask runs one request through Serve.
func ask(t *testing.T, d *demo.Demo, method, uri string, header ...string) (*fasthttp.Response, bool) {
	t.Helper()
	var ctx fasthttp.RequestCtx
	ctx.Request.Header.SetMethod(method)
	ctx.Request.SetRequestURI(uri)
	for i := 0; i < len(header); i += 2 {
		ctx.Request.Header.Set(header[i], header[i+1])
	}
	mine := d.Serve(&ctx)
	return &ctx.Response, mine
}

func TestServeAnswersItsOwnPathsOnly(t *testing.T) {
	d := newDemo()
	for _, c := range []struct {
		method, uri string
		mine        bool
		status      int
		contentType string
	}{
		{"GET", "/", true, 200, "text/html; charset=utf-8"},
		{"HEAD", "/?user=2", true, 200, "text/html; charset=utf-8"},
		{"GET", "/demo/app.js", true, 200, "text/javascript; charset=utf-8"},
		{"GET", "/demo/client/index.js", true, 200, "text/javascript; charset=utf-8"},
		{"GET", "/demo/client/fallback.js", true, 200, "text/javascript; charset=utf-8"},
		{"GET", "/demo/client/package.json", false, 200, ""},
		{"GET", "/demo/client/", false, 200, ""},
		{"GET", "/demo/style.css", true, 200, "text/css; charset=utf-8"},
		{"GET", "/demo/icon.svg", true, 200, "image/svg+xml"},
		{"GET", "/demo/config.json", true, 200, "application/json"},
		{"GET", "/demo/token?user=" + amina.ID.String(), true, 200, "application/json"},
		{"GET", "/demo/token?user=" + jonas.ID.String(), true, 500, ""},
		{"GET", "/demo/token?user=" + uuid.NewString(), true, 404, ""},
		{"GET", "/demo/token?user=nobody", true, 404, ""},
		{"GET", "/demo/token", true, 404, ""},
		{"POST", "/", true, 405, ""},
		{"DELETE", "/demo/config.json", true, 405, ""},
		{"GET", "/demo/index.html", false, 200, ""},
		{"GET", "/demo/../demo.go", false, 200, ""},
		{"GET", "/demo/", false, 200, ""},
		{"GET", "/api/v1/chat/rooms/", false, 200, ""},
		{"GET", "/ws/chat/x/", false, 200, ""},
	} {
		res, mine := ask(t, d, c.method, c.uri)
		if mine != c.mine {
			t.Errorf("%s %s: mine %v, want %v", c.method, c.uri, mine, c.mine)
			continue
		}
		if !mine {
			continue
		}
		if res.StatusCode() != c.status {
			t.Errorf("%s %s: status %d, want %d", c.method, c.uri, res.StatusCode(), c.status)
		}
		if c.contentType != "" && string(res.Header.ContentType()) != c.contentType {
			t.Errorf("%s %s: content type %q, want %q", c.method, c.uri, res.Header.ContentType(), c.contentType)
		}
		if csp := string(res.Header.Peek("Content-Security-Policy")); !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; ") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s %s: Content-Security-Policy %q", c.method, c.uri, csp)
		}
	}
}

func TestFilesAreSentOnceAndThenConfirmed(t *testing.T) {
	d := newDemo()
	for _, uri := range []string{"/", "/demo/app.js", "/demo/client/index.js", "/demo/config.json"} {
		res, _ := ask(t, d, "GET", uri)
		etag := string(res.Header.Peek("ETag"))
		if etag == "" || string(res.Header.Peek("Cache-Control")) != "no-cache" || len(res.Body()) == 0 {
			t.Errorf("%s: ETag %q, Cache-Control %q, %d bytes", uri, etag, res.Header.Peek("Cache-Control"), len(res.Body()))
		}
		res, _ = ask(t, d, "GET", uri, "If-None-Match", etag)
		if res.StatusCode() != 304 || len(res.Body()) != 0 || string(res.Header.Peek("ETag")) != etag {
			t.Errorf("%s again: status %d, %d bytes, ETag %q", uri, res.StatusCode(), len(res.Body()), res.Header.Peek("ETag"))
		}
		res, _ = ask(t, d, "GET", uri, "If-None-Match", `"other"`)
		if res.StatusCode() != 200 {
			t.Errorf("%s with another tag: status %d", uri, res.StatusCode())
		}
	}
}

func TestConfigAndTokenAreWhatThePageReads(t *testing.T) {
	d := newDemo()
	res, _ := ask(t, d, "GET", "/demo/config.json")
	want := `{"users":[{"id":"6f0a8f5e-0000-4000-8000-000000000001","email":"amina@example.com","name":"Amina Diallo"},` +
		`{"id":"6f0a8f5e-0000-4000-8000-000000000002","email":"jonas@example.com","name":"Jonas \u003c/script\u003e"}],` +
		`"trips":[{"id":"6f0a8f5e-0000-4000-8000-00000000000a","title":"Lisbon to Marrakesh"}]}`
	if got := string(res.Body()); got != want {
		t.Errorf("config\n got %s\nwant %s", got, want)
	}
	res, _ = ask(t, d, "GET", "/demo/token?user="+amina.ID.String())
	if got, want := string(res.Body()), `{"token":"token-of-`+amina.ID.String()+`"}`; got != want {
		t.Errorf("token: got %s, want %s", got, want)
	}
	if got := string(res.Header.Peek("Cache-Control")); got != "no-store" {
		t.Errorf("token: Cache-Control %q", got)
	}
}
