package rest_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/rest"
)

// overRate has all who read refused, and two refusals at once, then one a second.
func overRate(c *chat) func(*rest.Config) {
	c.readWait = time.Second
	return func(cfg *rest.Config) {
		cfg.Allowances = allowance.New(allowance.Rates{allowance.Refusals: {PerSecond: 1, Burst: 2}})
	}
}

// postTo is a whole request of a user who says something.
func postTo(c *chat, bearer string) string {
	body := `{"chat_room":"` + c.place.ID.String() + `","content":"x"}`
	return postHead(bearer, jsonFields+fmt.Sprintf("Content-Length: %d\r\n", len(body))) + body
}

// TestWhoGoesOnOverTheRateIsAnsweredLater: on all connections together, and nobody else.
func TestWhoGoesOnOverTheRateIsAnsweredLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests = 3 // on each of two connections
		chat := newChat(0)
		p := startPipes(t, chat, overRate(chat))
		begun := time.Now()
		_, first := p.arrive(strings.Repeat(goodGet, requests))
		_, second := p.arrive(strings.Repeat(goodGet, requests))
		p.arrive(strings.Replace(goodGet, "amina", "jonas", 1), http.StatusTooManyRequests)
		if took := time.Since(begun); took > 0 {
			t.Errorf("another user waited %v", took)
		}
		for range requests {
			for _, in := range []*bufio.Reader{first, second} {
				if got := read(t, in); got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" {
					t.Errorf("%s", got.Status)
				}
			}
		}
		if took := time.Since(begun); took < 3*time.Second {
			t.Errorf("%d refusals took %v", 2*requests, took)
		}
	})
}

// TestADelayedAnswerKeepsNobodyOut: neither the user nor others.
func TestADelayedAnswerKeepsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chat := newChat(0)
		p := startPipes(t, chat, func(cfg *rest.Config) {
			overRate(chat)(cfg)
			cfg.Limits.Connections, cfg.Limits.RequestsPerUser = 4, 1
		})
		begun := time.Now()
		p.come(strings.Repeat(goodGet, 2), http.StatusTooManyRequests, http.StatusTooManyRequests)
		_, delayed := p.come(goodGet)
		p.come(goodGet)
		p.come(postTo(chat, "amina"), http.StatusCreated)
		p.come(postTo(chat, "jonas"), http.StatusCreated)
		if got := read(t, delayed); got.StatusCode != http.StatusTooManyRequests || !got.Close || !isClosed(delayed) {
			t.Errorf("who had to go was told %s", got.Status)
		}
		if took := time.Since(begun); took > 0 {
			t.Errorf("somebody waited %v", took)
		}
	})
}

func TestADrainDoesNotWaitForDelayedAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chat := newChat(0)
		p := startPipes(t, chat, overRate(chat))
		p.come(strings.Repeat(goodGet, 2), http.StatusTooManyRequests, http.StatusTooManyRequests)
		_, delayed := p.come(strings.Repeat(goodGet, 2))
		begun := time.Now()
		go func() {
			if err := p.Drain(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		if got := read(t, delayed); got.StatusCode != http.StatusTooManyRequests || !isClosed(delayed) {
			t.Errorf("%s", got.Status)
		}
		if took := time.Since(begun); took > 0 {
			t.Errorf("the drain waited %v", took)
		}
	})
}

// TestWhoIsRefusedAgainAndAgainIsAnsweredLater although nobody knows who it is: without a
// token, with a bad one, and where nothing is. Another connection waits for nothing.
func TestWhoIsRefusedAgainAndAgainIsAnsweredLater(t *testing.T) {
	for name, request := range map[string]string{
		"no token":  strings.Replace(goodGet, "Authorization: Bearer amina\r\n", "", 1),
		"bad token": strings.Replace(goodGet, "amina", "nobody", 1),
		"nothing":   "GET /nothing HTTP/1.1\r\nHost: own.example\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const requests = 100
				p := startPipes(t, newChat(0), func(*rest.Config) {})
				begun := time.Now()
				_, in := p.arrive(strings.Repeat(request, requests))
				p.arrive(goodGet, http.StatusOK)
				if took := time.Since(begun); took > 0 {
					t.Errorf("a member waited %v", took)
				}
				for range requests {
					if got := read(t, in); got.StatusCode != http.StatusUnauthorized && got.StatusCode != http.StatusNotFound {
						t.Fatalf("%s", got.Status)
					}
				}
				if took := time.Since(begun); took < 2*time.Second || took > 5*time.Second {
					t.Errorf("%d refusals took %v", requests, took)
				}
			})
		})
	}
}
