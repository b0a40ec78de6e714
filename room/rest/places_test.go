package rest_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caravan-chat/caravan/room/rest"
)

const strangerGet = "GET /api/v1/chat/rooms/ HTTP/1.1\r\nHost: x\r\n\r\n"

// pollOf is a long poll, which keeps its connection at work.
func pollOf(c *chat) string {
	return strings.Replace(goodGet, "rooms/", "rooms/"+c.place.ID.String()+"/messages/?since=99&wait=60s", 1)
}

// pipes are a server whose clients come by pipes, in a time of their own.
type pipes struct {
	*rest.Server
	t *testing.T
}

func startPipes(t *testing.T, c rest.Chat, change func(*rest.Config)) *pipes {
	cfg := rest.Config{Chat: c, Limits: rest.DefaultLimits(64), Log: slog.New(slog.DiscardHandler)}
	cfg.Limits.BodyBytes = 4096
	change(&cfg)
	p := &pipes{rest.New(cfg), t}
	t.Cleanup(func() {
		p.Close()
		if err := p.Run(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// come hands in a connection that brings something, has its answers read, and waits
// until nothing more happens.
func (p *pipes) come(sent string, statuses ...int) (net.Conn, *bufio.Reader) {
	p.t.Helper()
	client, in := p.arrive(sent, statuses...)
	synctest.Wait()
	return client, in
}

// arrive does not wait.
func (p *pipes) arrive(sent string, statuses ...int) (net.Conn, *bufio.Reader) {
	p.t.Helper()
	client, server := net.Pipe()
	p.t.Cleanup(func() { _ = client.Close() })
	go p.Hand(server)
	in := bufio.NewReader(client)
	p.send(client, in, sent, statuses...)
	return client, in
}

func (p *pipes) send(client net.Conn, in *bufio.Reader, sent string, statuses ...int) {
	p.t.Helper()
	if sent != "" {
		go func() { _, _ = io.WriteString(client, sent) }()
	}
	for _, want := range statuses {
		if got := read(p.t, in); got.StatusCode != want {
			p.t.Errorf("%s, want %d", got.Status, want)
		}
	}
}

// isClosed tells whether the server closed a connection, and said nothing more.
func isClosed(in *bufio.Reader) bool {
	_, err := in.ReadByte()
	return err == io.EOF
}

// TestWhoWaitsForItsClientGoesForANewOne: connections that wait keep nobody out, whoever
// they are, and whatever of a request they have sent.
func TestWhoWaitsForItsClientGoesForANewOne(t *testing.T) {
	halfBody := postHead("amina", jsonFields+"Content-Length: 1000\r\n") + "{"
	for name, c := range map[string]struct {
		sent     string
		statuses []int
		told     int // the status that a half request is answered with
	}{
		"silent strangers":       {strangerGet, []int{401}, 0},
		"silent members":         {goodGet, []int{200}, 0},
		"half a head":            {"GET / HTTP/1.1\r\nHo", nil, 503},
		"half a second head":     {strangerGet + "GET / HTTP/1.1\r\nHo", []int{401}, 503},
		"half a head of members": {goodGet + "GET / HTTP/1.1\r\nHo", []int{200}, 503},
		"nothing":                {"", nil, 0},
		"half a body":            {halfBody, nil, 503},
		"half a body in chunks":  {postHead("amina", jsonFields+"Transfer-Encoding: chunked\r\n") + "3\r\n{", nil, 503},
		"a refused body":         {postHead("nonsense", jsonFields+"Content-Length: 1000\r\n"), []int{401}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chat := newChat(0)
				p := startPipes(t, chat, func(cfg *rest.Config) { cfg.Limits.Connections, cfg.Limits.RequestsPerUser = 4, 100 })
				var waiting []*bufio.Reader
				for range 4 {
					_, in := p.come(c.sent, c.statuses...)
					waiting = append(waiting, in)
				}
				for i := range 4 {
					go p.arrive(pollOf(chat))
					if c.told > 0 {
						if got := read(t, waiting[i]); got.StatusCode != c.told || got.Header.Get("Retry-After") == "" || !got.Close {
							t.Errorf("who waited was told %s", got.Status)
						}
					}
					if !isClosed(waiting[i]) {
						t.Error("who waited longest is still there")
					}
					synctest.Wait()
				}
				if st := p.Stats(); st.ConnectionsNow != 4 || st.Crowded != [rest.Crowdings]int64{} || st.Yielded != 4 || st.LongPollsNow != 4 || st.BodyBytesNow != 0 {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}

func TestStrangersGoBeforeMembersAndTheLongestIdleFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipes(t, newChat(1), func(cfg *rest.Config) { cfg.Limits.Connections = 4 })
		_, first := p.come(goodGet, 200)
		client, second := p.come(goodGet, 200)
		var strangers []*bufio.Reader
		for _, sent := range []string{strangerGet + "GET /", strangerGet} { // one drips, one is silent
			_, in := p.come(sent, 401)
			strangers = append(strangers, in)
		}
		go p.arrive(goodGet, 200)
		if !isClosed(strangers[1]) {
			t.Error("the silent stranger is still there")
		}
		synctest.Wait()
		go p.arrive(goodGet, 200)
		if got := read(t, strangers[0]); got.StatusCode != 503 || !isClosed(strangers[0]) {
			t.Errorf("the stranger that drips was told %s", got.Status)
		}
		synctest.Wait()
		go p.arrive(goodGet, 200)
		if !isClosed(first) {
			t.Error("the member that was idle longest is still there")
		}
		synctest.Wait()
		p.send(client, second, goodGet, 200)
	})
}

// Who is at work keeps the place, and what is over the limit hears so.
func TestWhoIsAtWorkKeepsThePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat(0)
		p := startPipes(t, c, func(cfg *rest.Config) { cfg.Limits.Connections = 2 })
		p.come(pollOf(c))
		p.come(pollOf(c))
		if _, in := p.come(goodGet, 503); !isClosed(in) {
			t.Error("who was turned away is still there")
		}
		if st := p.Stats(); st.Crowded[rest.CrowdedConnections] != 1 || st.LongPollsNow != 2 || st.Yielded != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestARequestMustComeInTime: by its first byte, however the rest drips, in the head or
// in the body.
func TestARequestMustComeInTime(t *testing.T) {
	for name, c := range map[string]struct{ sent, drips string }{
		"head":   {"GET / HTTP/1.1\r\n", "X: y\r\n"},
		"body":   {postHead("amina", jsonFields+"Content-Length: 4000\r\n"), " "},
		"chunks": {postHead("amina", jsonFields+"Transfer-Encoding: chunked\r\n"), "1\r\n \r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := startPipes(t, newChat(1), func(*rest.Config) {})
				client, in := p.come(c.sent)
				var dripping sync.WaitGroup
				dripping.Go(func() {
					for i, err := 0, error(nil); err == nil; i++ {
						_, err = io.WriteString(client, c.drips[i%len(c.drips):][:1])
						time.Sleep(100 * time.Millisecond)
					}
				})
				if got := read(t, in); got.StatusCode != 408 || !got.Close {
					t.Error(got.Status)
				}
				_ = client.Close()
				dripping.Wait()
				synctest.Wait()
				if st := p.Stats(); st.ConnectionsNow != 0 || st.BodyBytesNow != 0 {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}
