package socket_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/socket"
)

// auth sends a token and returns the answer.
func (c *client) auth(token string) string {
	c.t.Helper()
	c.send(`{"type":"auth","token":"` + token + `","client_id":"t"}`)
	return c.text()
}

// sockets are both kinds, of user 0 with a token that is good for so long.
func (s *server) sockets(ttl time.Duration) map[string]*client {
	s.t.Helper()
	all := make(map[string]*client)
	for name, path := range map[string]string{"room": "/ws/chat/" + persist.FleetTrip(0).String() + "/", "user": "/ws/chat/"} {
		c, err := s.open(path+"?v=2&token="+sign(s.t, persist.FleetUser(0), ttl), nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if name == "room" {
			c.hearHistory(s.roomOf(0))
		}
		all[name] = c
	}
	return all
}

// TestAConnectionOutlivesItsTokens: five of them, one after another, each of which it is told
// that it ends.
func TestAConnectionOutlivesItsTokens(t *testing.T) {
	s := serve(t, socket.Config{})
	const ttl = 4 * time.Second
	for name, c := range s.sockets(ttl) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			for range 5 {
				if text := c.text(); !strings.HasPrefix(text, `{"type":"token_expiring","expires_at":"`) {
					t.Fatal(text)
				}
				text := c.auth(sign(t, persist.FleetUser(0), ttl))
				var ack struct {
					Type      string    `json:"type"`
					ClientID  string    `json:"client_id"`
					ExpiresAt time.Time `json:"expires_at"`
				}
				if err := json.Unmarshal([]byte(text), &ack); err != nil || ack.Type != "ack" || ack.ClientID != "t" || time.Until(ack.ExpiresAt) > ttl {
					t.Fatalf("%s, %v", text, err)
				}
			}
			if lived := time.Since(begun); lived <= ttl {
				t.Errorf("it lived for %v", lived)
			}
			if text := c.text(); !strings.Contains(text, "token_expiring") {
				t.Error(text)
			}
			if code := c.closeCode(); code != 4001 {
				t.Errorf("closed with %d", code)
			}
		})
	}
}

// TestATokenThatIsNotTheUsersChangesNothing: the old end holds.
func TestATokenThatIsNotTheUsersChangesNothing(t *testing.T) {
	s := serve(t, socket.Config{})
	const ttl = 5 * time.Second
	for name, c := range s.sockets(ttl) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, token := range map[string]string{
				"another user's":    sign(t, persist.FleetUser(3), time.Hour),
				"an unknown user's": sign(t, uuid.New(), time.Hour),
				"expired":           sign(t, persist.FleetUser(0), -time.Hour),
				"garbage":           "x.y.z",
				"nothing":           "",
				"too long":          strings.Repeat("x", 10_000),
			} {
				if text := c.auth(token); text != `{"type":"error","message":"The token is not a valid access token of this user","code":"invalid_token","client_id":"t"}` {
					t.Errorf("%s: %s", what, text)
				}
			}
			for frame, code := range map[string]string{`{"type":"auth"}`: "invalid_token", `{"type":"auth","token":5}`: "invalid_field"} {
				c.send(frame)
				if f := c.next(); f.Code != code {
					t.Errorf("%s: %+v", frame, f)
				}
			}
			if text := c.text(); !strings.Contains(text, "token_expiring") {
				t.Error(text)
			}
			if code := c.closeCode(); code != 4001 {
				t.Errorf("closed with %d", code)
			}
		})
	}
}

// TestAnEarlierEndIsTaken as well.
func TestAnEarlierEndIsTaken(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	for name, c := range s.sockets(time.Hour) {
		if text := c.auth(sign(t, persist.FleetUser(0), 2*time.Second)); !strings.HasPrefix(text, `{"type":"ack",`) {
			t.Errorf("%s: %s", name, text)
		}
		if code := c.closeCode(); code != 4001 {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
}

// TestOnVersion1AGoodTokenHasNoAnswer, and nobody is told that it ends.
func TestOnVersion1AGoodTokenHasNoAnswer(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	c, _ := s.join(0, "")
	c.send(`{"type":"auth","token":"` + sign(t, persist.FleetUser(0), 2*time.Second) + `","client_id":"t"}`)
	c.send(`{"type":"ping"}`)
	c.mustRead(`{"type":"pong"}`)
	if code := c.closeCode(); code != 4001 {
		t.Errorf("closed with %d", code)
	}
}

// TestTokensAreNotCheckedWithoutEnd: each counts as a read.
func TestTokensAreNotCheckedWithoutEnd(t *testing.T) {
	t.Parallel()
	var rates allowance.Rates
	rates[allowance.Reads] = allowance.Rate{PerSecond: 0.001, Burst: 6}
	s := serve(t, socket.Config{Allowances: allowance.New(rates)})
	good := sign(t, persist.FleetUser(0), time.Hour)
	c := s.openUser(0)
	taken := 0
	for range 50 {
		if strings.HasPrefix(c.auth(good), `{"type":"ack",`) {
			taken++
		}
	}
	if taken != 5 {
		t.Errorf("%d were checked", taken)
	}
	if st := s.svc.Stats(); st.TokensRenewed != 5 {
		t.Errorf("%d are counted", st.TokensRenewed)
	}
}

// TestWhoHasReadMuchGoesOnWithAnotherToken, and subscribes: only the histories wait.
func TestWhoHasReadMuchGoesOnWithAnotherToken(t *testing.T) {
	t.Parallel()
	var rates allowance.Rates
	rates[allowance.ReadBytes] = allowance.Rate{PerSecond: 4_000, Burst: 4_000}
	s := serve(t, socket.Config{Allowances: allowance.New(rates)})
	in := s.fill(0, 0, 3, 2_000)
	ada := s.openUser(0)
	ada.subscribe(in, in)
	ada.hearHistory(in)
	ada.hearHistory(in) // more than twice the burst was read
	ada.send(`{"type":"auth","token":"` + sign(t, persist.FleetUser(0), time.Hour) + `","client_id":"a"}`)
	if f := ada.next(); f.Type != "ack" || f.ClientID != "a" {
		t.Errorf("%+v", f)
	}
	ada.subscribe(in)
	ada.hearHistory(in)
}
