package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
)

// chatter is a member who writes without a pause until the server sends the connection
// away, but for what a slow machine has not answered yet.
type chatter struct {
	*member
	name  string
	sent  int
	heard atomic.Int64 // of what it sent
	told  bool         // that it is sent away, before the close
}

// unansweredMax is how much a chatter has on its way: so little that no database seems to hang.
const unansweredMax = 32

// chat sends and reads, and answers the close. What is sent until it is read counts.
func (c *chatter) chat() error {
	closed := make(chan struct{})
	read := make(chan error, 1)
	go func() {
		defer close(closed)
		read <- c.listen()
	}()
	for {
		select {
		case <-closed:
			payload := ws.NewCloseFrameBody(1012, "")
			return errors.Join(<-read, ws.WriteFrame(c.conn, ws.MaskFrame(ws.NewCloseFrame(payload))), c.conn.Close())
		case <-time.After(2 * time.Millisecond):
		}
		if c.sent-int(c.heard.Load()) >= unansweredMax {
			continue
		}
		text := fmt.Sprintf(`{"type":"chat_message","content":"%s %d","client_id":"%s-%d"}`, c.name, c.sent, c.name, c.sent)
		if err := wsutil.WriteClientText(c.conn, []byte(text)); err != nil {
			return err
		}
		c.sent++
	}
}

// listen reads until the close. Nobody is told of an error.
func (c *chatter) listen() error {
	for {
		op, payload, err := readFrame(c.conn)
		if err != nil {
			return err
		}
		if op == ws.OpClose {
			if code, _ := ws.ParseCloseFrameData(payload); code != 1012 {
				return fmt.Errorf("%s was closed with %d", c.name, code)
			}
			return nil
		}
		var f struct {
			Type    string
			After   *int `json:"reconnect_after_ms"`
			Message json.RawMessage
		}
		if err := json.Unmarshal(payload, &f); err != nil || f.Type == "error" {
			return fmt.Errorf("%s was told %s", c.name, payload)
		}
		if bytes.Contains(f.Message, []byte(`"content":"`+c.name+" ")) {
			c.heard.Add(1)
		}
		c.told = c.told || f.Type == "closing" && f.After != nil && *f.After >= 0 // answers may follow
	}
}

// TestADrainRefusesNobodyAnything: members of both versions and a REST client write all the
// time while the server is told to stop. Nobody gets an error, all that was sent before
// the close was read is stored, and clients of version 2 are told when to come back.
func TestADrainRefusesNobodyAnything(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database, "--rate", "0", "--drain-timeout", "20s") // it ends when the last client has gone
		var chatters []*chatter
		for i := range 4 {
			c := &chatter{name: fmt.Sprintf("member%d", i)}
			if i%2 == 0 {
				c.member, _ = s.join(2*(i%2), 0)
			} else {
				c.member = s.joinAs2(2*(i%2), 0)
			}
			chatters = append(chatters, c)
		}
		var all sync.WaitGroup
		for _, c := range chatters {
			all.Go(func() {
				if err := c.chat(); err != nil {
					t.Error(err)
				}
			})
		}
		posted, stop := 0, make(chan struct{})
		client := &http.Client{Transport: &http.Transport{}} // one connection, kept
		defer client.CloseIdleConnections()
		all.Go(func() {
			for ; ; posted++ {
				status, err := s.postBy(client, bearer(t, 0), fmt.Sprintf("rest %d", posted))
				switch {
				case errors.Is(err, syscall.ECONNREFUSED): // another server's business
					return
				case err != nil || status != http.StatusCreated:
					t.Errorf("a post got %d, %v", status, err)
					return
				}
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
				}
			}
		})
		await.Until(t, "all write", func() bool { return strings.Contains(string(s.admin("/metrics").body), "caravan_connections 4\n") })
		time.Sleep(100 * time.Millisecond) // of writing: nothing is proven by it
		s.shutDown()
		close(stop)
		all.Wait()
		if log := s.log.String(); strings.Contains(log, "not everything was drained in time") {
			t.Error("the drain left something")
		}

		again := start(t, database)
		stored := again.contents(0, 0)
		for _, c := range chatters {
			var lost []int
			for n := range c.sent {
				if !stored[fmt.Sprintf("%s %d", c.name, n)] {
					lost = append(lost, n)
				}
			}
			if len(lost) > 0 {
				t.Errorf("of %s, who sent %d, %d are not stored, from %d on", c.name, c.sent, len(lost), lost[0])
			}
		}
		for n := range posted {
			if text := fmt.Sprintf("rest %d", n); !stored[text] {
				t.Errorf("%s, of %d, is not stored", text, posted)
			}
		}
		for i, c := range chatters {
			if c.told != (i%2 == 1) {
				t.Errorf("%s was told when to come back: %v", c.name, c.told)
			}
		}
	})
}

// postBy posts a message by a client.
func (s *server) postBy(client *http.Client, bearer, content string) (status int, err error) {
	body := strings.NewReader(`{"chat_room":"` + persist.FleetTrip(0).String() + `","content":"` + content + `"}`)
	req, err := http.NewRequest(http.MethodPost, s.url+messagesPath, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// contents are those of all messages of trip j, as user i reads them.
func (s *server) contents(i, j int) map[string]bool {
	s.t.Helper()
	all := make(map[string]bool)
	for since, more := int64(0), true; more; {
		var p struct {
			Results []message `json:"results"`
			Seq     int64     `json:"seq"`
			More    bool      `json:"has_more"`
		}
		s.call(bearer(s.t, i), "GET", fmt.Sprintf("%s%s/messages/?limit=200&since=%d", roomsPath, persist.FleetTrip(j), since), "").into(s.t, 200, &p)
		for _, m := range p.Results {
			all[m.Content] = true
		}
		since, more = p.Seq, p.More
	}
	return all
}

// TestAShutdownDelayServesAsBefore: the server says that it is not ready, and lets
// newcomers in, and takes what is sent, until the time is over.
func TestAShutdownDelayServesAsBefore(t *testing.T) {
	t.Parallel() // it waits
	s := start(t, sqliteFile(t), "--shutdown-delay", "4s")
	old, _ := s.join(0, 0)
	s.stop()
	await.Until(t, "it is not ready", func() bool {
		a := s.admin("/readyz")
		return a.StatusCode == 503 && strings.Contains(string(a.body), `"stopping"`)
	})
	newcomer, _ := s.join(2, 0)
	newcomer.send(`{"type":"chat_message","content":"good morning"}`)
	for _, m := range []*member{old, newcomer} {
		if f := m.read(); f.Type != "chat_message" || f.Message.Content != "good morning" {
			t.Errorf("got %+v", f)
		}
	}
	s.post(0, persist.FleetTrip(0).String(), "by REST")
	for _, m := range []*member{old, newcomer} {
		if f := m.read(); f.Message.Content != "by REST" {
			t.Errorf("got %+v", f)
		}
		if _, closed := m.next(); closed != 1012 {
			t.Errorf("closed with %d", closed)
		}
	}
	s.shutDown()
	if _, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://")); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after its end: %v", err)
	}
}

// TestALoneNodeAsksClientsToComeBackWhenItIsGone: there is nobody else to go to.
func TestALoneNodeAsksClientsToComeBackWhenItIsGone(t *testing.T) {
	t.Parallel() // it waits
	s := start(t, sqliteFile(t), "--drain-timeout", "3s")
	m := s.joinAs2(0, 0)
	s.stop()
	begun := time.Now()
	var f struct {
		Type  string
		After int `json:"reconnect_after_ms"`
	}
	if err := json.Unmarshal([]byte(m.text()), &f); err != nil || f.Type != "closing" {
		t.Fatalf("got %+v, %v", f, err)
	}
	if back := time.Since(begun) + time.Duration(f.After)*time.Millisecond; back < 3*time.Second || f.After > 4000 {
		t.Errorf("asked to come back after %d ms, %v after the signal", f.After, back)
	}
	if _, closed := m.next(); closed != 1012 {
		t.Errorf("closed with %d", closed)
	}
	s.shutDown()
}
