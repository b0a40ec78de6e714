package app_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol/token"
)

// live is how it shows that another value of a setting counts: counts is false with the
// settings of from, and true with those of to.
type live struct {
	from, to []string
	counts   func(s *server) bool
}

// elsewhere are the settings of which other tests show it.
var elsewhere = map[string]string{
	"jwt-jwks-url": "TestTheNextVerifierGoesOnWithTheKeys", // in protocol/token
	"log-level":    "TestHangUpReloadsAndDropsNobody",      // in cmd/caravan
}

// TestEveryLiveSettingIsTakenOver: what the help says that SIGHUP changes is changed by a reload.
func TestEveryLiveSettingIsTakenOver(t *testing.T) {
	s := start(t, sqliteFile(t), "--rate", "0")
	s.open(1, 1, "") // a connection that is there
	cases := liveSettings(t)
	var help bytes.Buffer
	config.Help(&help, config.Serve)
	var told []string
	name := ""
	for line := range strings.Lines(help.String()) {
		if flag, ok := strings.CutPrefix(line, "  --"); ok {
			name = strings.Fields(flag)[0]
		}
		if strings.Contains(line, "SIGHUP") {
			told = append(told, name)
		}
	}
	known := slices.Sorted(maps.Keys(cases))
	known = append(known, slices.Collect(maps.Keys(elsewhere))...)
	slices.Sort(known)
	if slices.Sort(told); !slices.Equal(told, known) {
		t.Errorf("the help says that SIGHUP changes %v, and it is known how that shows of %v", told, known)
	}
	reload := func(flags []string) {
		t.Helper()
		cfg, _, err := config.Load(config.Serve, append([]string{"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--database", s.cfg.Database, "--rate", "0", "--jwt-secret", secret}, flags...), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.app.Reload(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		reload(c.from)
		if c.counts(s) {
			t.Errorf("--%s counts before it is changed", name)
		}
		reload(c.to)
		if !c.counts(s) {
			t.Errorf("--%s: the new value does not count", name)
		}
	}
}

func liveSettings(t *testing.T) map[string]live {
	t.Helper()
	const other = "another secret, of 32 bytes or more"
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	signed := func(secret string, ttl time.Duration) string {
		text, err := token.Sign([]byte(secret), persist.FleetUser(0), ttl)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	byKey, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"user_id": persist.FleetUser(0).String(), "exp": time.Now().Add(time.Hour).Unix(), "token_type": "access",
	}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	good := func(bearer string) func(*server) bool {
		return func(s *server) bool { return s.call(bearer, "GET", roomsPath, "").StatusCode == http.StatusOK }
	}
	not := func(is func(*server) bool) func(*server) bool { return func(s *server) bool { return !is(s) } }
	own := []string{"--jwt-secret="} // in place of the one that start gives
	return map[string]live{
		"jwt-secret":          {nil, []string{"--jwt-secret", other}, good(signed(other, time.Hour))},
		"jwt-secret-file":     {nil, append(own, "--jwt-secret-file", file("secret", other)), good(signed(other, time.Hour))},
		"allow-weak-secret":   {nil, []string{"--jwt-secret", "weak", "--allow-weak-secret"}, good(signed("weak", time.Hour))},
		"jwt-public-key-file": {nil, []string{"--jwt-public-key-file", file("public.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))}, good(byKey)},
		"jwt-issuer":          {nil, []string{"--jwt-issuer", "somebody"}, not(good(signed(secret, time.Hour)))},
		"jwt-audience":        {nil, []string{"--jwt-audience", "somebody"}, not(good(signed(secret, time.Hour)))},
		"jwt-leeway":          {nil, []string{"--jwt-leeway", "1h"}, good(signed(secret, -time.Minute))},

		"allowed-origins": {nil, []string{"--allowed-origins", "https://a.example"}, func(s *server) bool {
			return s.call(bearer(t, 0), "GET", roomsPath, "", "Origin", "https://a.example").Header.Get("Access-Control-Allow-Origin") != ""
		}},
		"trusted-proxies": {nil, []string{"--trusted-proxies", "127.0.0.1"}, (*server).believesAProxy},
		"proxy-protocol":  {[]string{"--trusted-proxies", "127.0.0.1"}, []string{"--trusted-proxies", "127.0.0.1", "--proxy-protocol"}, (*server).takesPROXY},
		"access-log": {nil, []string{"--access-log"}, func(s *server) bool {
			s.call(bearer(t, 0), "GET", roomsPath, "")
			const later = "reason=path" // whose line stands behind that of the call
			before := strings.Count(s.log.String(), later)
			await.Until(t, "the log goes on", func() bool {
				s.handshake("/ws/none/", nil)
				return strings.Count(s.log.String(), later) > before
			})
			return strings.Contains(s.log.String(), "msg=access kind=rest")
		}},

		"rate":       {nil, []string{"--rate", "1", "--burst", "1", "--user-rate", "0"}, pingsAreLimited(0)},
		"burst":      {[]string{"--rate", "1", "--burst", "40", "--user-rate", "0"}, []string{"--rate", "1", "--burst", "1", "--user-rate", "0"}, pingsAreLimited(0)},
		"user-rate":  {nil, []string{"--user-rate", "1", "--user-burst", "1"}, pingsAreLimited(2)},
		"user-burst": {[]string{"--user-rate", "1", "--user-burst", "40"}, []string{"--user-rate", "1", "--user-burst", "1"}, pingsAreLimited(4)},
		"read-rate":  {nil, []string{"--read-rate", "1", "--read-burst", "1"}, readsAreLimited(1)},
		"read-burst": {[]string{"--read-rate", "1"}, []string{"--read-rate", "1", "--read-burst", "1"}, readsAreLimited(3)},
		"read-bytes": {nil, []string{"--read-bytes", "1"}, readsAreLimited(5)},

		"max-connections": {nil, []string{"--max-connections", "1"}, func(s *server) bool { return s.upgrade() == http.StatusServiceUnavailable }},
		"connections-per-user": {nil, []string{"--connections-per-user", "1"}, func(s *server) bool {
			m := &member{t, s.open(1, 1, "")}
			defer m.conn.Close()
			_, closed := m.next()
			return closed == 1013
		}},
		"rooms-per-connection": {nil, []string{"--rooms-per-connection", "1"}, func(s *server) bool {
			m := s.openUser(0)
			defer m.conn.Close()
			m.send(fmt.Sprintf(`{"type":"subscribe","rooms":[{"id":%q},{"id":%q}]}`, uuid.New(), uuid.New()))
			_, text := m.hear()
			return bytes.Contains(text, []byte("too_many_rooms"))
		}},
		"address-connects": {nil, []string{"--address-connects", "1"}, func(s *server) bool {
			refused := false
			for range 15 {
				refused = s.upgrade() == http.StatusTooManyRequests || refused
			}
			return refused
		}},
		"address-tokens": {nil, []string{"--address-tokens", "1"}, func(s *server) bool {
			s.call("x.y.z", "GET", roomsPath, "")
			return s.call("x.y.z", "GET", roomsPath, "").StatusCode == http.StatusTooManyRequests
		}},
		"room-bytes":            {nil, []string{"--room-bytes", "1"}, isOverQuota(1)},
		"user-messages-per-day": {nil, []string{"--user-messages-per-day", "1"}, isOverQuota(0)},
	}
}

func pingsAreLimited(user int) func(*server) bool {
	return func(s *server) bool {
		m, _ := s.join(user, 0)
		for range 3 {
			m.send(`{"type":"ping"}`)
		}
		limited := false
		for range 3 {
			limited = m.read().Code == "rate_limited" || limited
		}
		_ = m.conn.Close()
		return limited
	}
}

func readsAreLimited(user int) func(*server) bool {
	return func(s *server) bool {
		limited := false
		for range 3 {
			limited = s.call(bearer(s.t, user), "GET", roomsPath, "").StatusCode == http.StatusTooManyRequests || limited
		}
		return limited
	}
}

func isOverQuota(user int) func(*server) bool {
	return func(s *server) bool {
		over := false
		for range 2 {
			a := s.call(bearer(s.t, user), "POST", messagesPath, fmt.Sprintf(`{"chat_room":%q,"content":"hi"}`, persist.FleetTrip(user)))
			over = a.code() == "quota" || over
		}
		return over
	}
}

// upgrade asks for a WebSocket and returns the status.
func (s *server) upgrade() int {
	s.t.Helper()
	return s.answers("GET /ws/chat/" + persist.FleetTrip(0).String() + "/?token=" + bearer(s.t, 0) +
		" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
}

// takesPROXY says whether a connection may begin with a PROXY protocol header.
func (s *server) takesPROXY() bool {
	s.t.Helper()
	return s.answers("PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\nGET "+roomsPath+" HTTP/1.1\r\nHost: x\r\n\r\n") == http.StatusUnauthorized
}

// answers sends the first bytes of a connection and returns the status of the answer; 0: there is
// none.
func (s *server) answers(text string) (code int) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.app.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		s.t.Fatal(err)
	}
	line := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, line); err == nil {
		_, _ = fmt.Sscanf(string(line), "HTTP/1.1 %d", &code)
	}
	return code
}

// believesAProxy says whether a client has the address that a header says.
func (s *server) believesAProxy() bool {
	s.t.Helper()
	dialer := ws.Dialer{Header: ws.HandshakeHeaderString("X-Forwarded-For: 203.0.113.9\r\n")}
	conn, _, _, err := dialer.Dial(s.t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/ws/chat/"+persist.FleetTrip(0).String()+"/?token="+bearer(s.t, 2))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	listed := func(query string) bool {
		return !bytes.Contains(s.admin("/connections?"+query).body, []byte(`"all":0`))
	}
	await.Until(s.t, "the client is in", func() bool { return listed("user=" + persist.FleetUser(2).String()) })
	return listed("address=203.0.113.9")
}
