package rest_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/room/rest"
)

// answers remembers what an observer is told.
type answers struct {
	mu   sync.Mutex
	seen map[string]int // "route status"
}

func (a *answers) Answered(route string, status int, _ time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		a.seen = make(map[string]int)
	}
	a.seen[route+" "+http.StatusText(status)]++
}

func (a *answers) count(route string, status int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen[route+" "+http.StatusText(status)]
}

// node is a Server fed by a listener of its own, as netpoll would feed it.
type node struct {
	*rest.Server
	addr string
	seen *answers
}

func start(t *testing.T, c rest.Chat, change ...func(*rest.Config)) *node {
	t.Helper()
	seen := &answers{}
	cfg := rest.Config{Chat: c, Limits: rest.DefaultLimits(64), Observer: seen, Log: slog.New(slog.DiscardHandler),
		AllowOrigin: func(origin, _ string) bool { return origin == "https://app.example" }}
	cfg.Limits.BodyBytes = 4096
	for _, f := range change {
		f(&cfg)
	}
	n := &node{Server: rest.New(cfg), seen: seen}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.addr = ln.Addr().String()
	var running sync.WaitGroup
	running.Go(func() {
		if err := n.Run(); err != nil {
			t.Error(err)
		}
	})
	running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n.Hand(c)
		}
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = ln.Close()
		http.DefaultClient.CloseIdleConnections()
		if err := n.Drain(ctx); err != nil {
			t.Error(err)
		}
		n.Close()
		running.Wait()
		if open := n.Stats().ConnectionsNow; open != 0 {
			t.Errorf("%d connections are left", open)
		}
	})
	return n
}

type answer struct {
	*http.Response
	body string
}

func (a answer) code() string {
	var e struct{ Detail, Code string }
	if json.Unmarshal([]byte(a.body), &e) != nil || e.Detail == "" {
		return "no error: " + a.body
	}
	return e.Code
}

// ask makes a call as amina, unless a header says otherwise.
func (n *node) ask(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	a, err := n.tryAsk(t, method, path, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// tryAsk makes a call that may be cut off.
func (n *node) tryAsk(t *testing.T, method, path, body string, header ...string) (answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+n.addr+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer amina")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	a := answer{res, string(text)}
	if err == nil {
		checkAnswer(t, method, path, a)
	}
	return a, err
}
