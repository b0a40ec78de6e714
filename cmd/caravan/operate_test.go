package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOperatorsCommands ask the admin port, and tell what it says.
func TestOperatorsCommands(t *testing.T) {
	var asked string
	ready := true
	port := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.String()
		switch r.URL.Path {
		case "/healthz":
			fmt.Fprint(w, `{"alive":true}`)
		case "/readyz":
			if !ready {
				w.WriteHeader(http.StatusServiceUnavailable)
				fmt.Fprint(w, `{"ready":false,"reasons":["draining","database unreachable"]}`)
				return
			}
			fmt.Fprint(w, `{"ready":true,"reasons":[]}`)
		case "/connections":
			fmt.Fprint(w, `{"connections":[{"user":"01000000-0000-0000-0000-000000000000","address":"192.0.2.7:5","version":2,"rooms":3,"silent_seconds":1.5,"waiting_bytes":7}],"all":9}`)
		case "/connections/kick":
			fmt.Fprint(w, `{"kicked":2}`)
		case "/drain":
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{"draining":true}`)
		case "/log-level":
			fmt.Fprint(w, `{"level":"debug"}`)
		case "/debug/pprof/profile":
			fmt.Fprint(w, "a profile")
		default:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"detail":"Profiles are off"}`)
		}
	}))
	defer port.Close()
	file := filepath.Join(t.TempDir(), "cpu")
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	const user = "01000000-0000-0000-0000-000000000000"
	for _, c := range []struct {
		args   string // without --admin
		status int
		says   string
		asks   string
	}{
		{"health", 0, "ready\n", "GET /readyz?"},
		{"health --live", 0, "alive\n", "GET /healthz?"},
		{"admin connections --user " + user, 0, "192.0.2.7:5   3 rooms   2s       7         2\n1 of 9\n", "GET /connections?user=" + user},
		{"admin connections --room " + user + " --address ::ffff:192.0.2.7 --json", 0, `"all": 9`, "GET /connections?address=192.0.2.7&room=" + user},
		{"admin kick", 2, "--user: is missing", ""},
		{"admin kick --user " + user, 0, "2 connections closed\n", "POST /connections/kick?code=1012&reason=closed+by+an+operator&user=" + user},
		{"admin drain", 0, "drains", "POST /drain?"},
		{"admin log-level", 0, "debug\n", "GET /log-level?"},
		{"admin log-level --level debug", 0, "debug\n", "POST /log-level?level=debug"},
		{"admin log-level --level loud", 2, "--level:", ""},
		{"admin profile --out " + file, 0, "go tool pprof", "GET /debug/pprof/profile?seconds=10"},
		{"admin profile --kind heap", 1, "caravan admin profile: Profiles are off", "GET /debug/pprof/heap?"},
		{"health --admin 127.0.0.1:1", 2, "--admin:", ""},
		{"health --admin http://" + nobody.Addr().String(), 1, "not ready: the admin port at http://" + nobody.Addr().String() + " does not answer: ", ""},
	} {
		asked = ""
		args := strings.Fields(c.args)
		environ := []string{"CARAVAN_ADMIN_LISTEN=" + strings.TrimPrefix(port.URL, "http://")}
		var out bytes.Buffer
		if status := run(args, environ, &out, &out); status != c.status || !strings.Contains(out.String(), c.says) || asked != c.asks {
			t.Errorf("%s: status %d, %q; the port was asked for %q", c.args, status, out.String(), asked)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "a profile" {
		t.Errorf("the profile is %q, %v", text, err)
	}
	ready = false
	var out bytes.Buffer
	if status := run([]string{"health", "--admin", port.URL}, nil, &out, &out); status != 1 || !strings.Contains(out.String(), "not ready: draining, database unreachable") {
		t.Errorf("not ready: %d %s", status, out.String())
	}
	if status := run([]string{"health", "--admin-listen", ""}, nil, &out, &out); status != 1 || !strings.Contains(out.String(), "the admin port is off") {
		t.Errorf("without a port: %d %s", status, out.String())
	}
}
