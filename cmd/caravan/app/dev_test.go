package app_test

import (
	"database/sql"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/cmd/caravan/app"
	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
)

// devOn tries to open a development server on a file.
func devOn(t *testing.T, path string) error {
	t.Helper()
	cfg, _, err := config.Load(config.Serve, []string{"--dev", "--listen", "127.0.0.1:0", "--admin-listen", "", "--database", "sqlite:" + path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := app.New(cfg, app.Version{}, discard)
	return errors.Join(a.Open(t.Context()), a.Close())
}

// seeded makes a file with users, as Caravan makes one.
func seeded(t *testing.T, seeds *persist.Seeds) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "caravan.db")
	s, err := sqlite.OpenSeeder(t.Context(), path, discard)
	if err == nil {
		err = errors.Join(s.Seed(t.Context(), seeds), s.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDevLeavesADatabaseOfRealUsersAlone: it is refused before anything is changed.
func TestDevLeavesADatabaseOfRealUsersAlone(t *testing.T) {
	leaveNothing(t)
	people := &persist.Seeds{Users: []protocol.User{{ID: uuid.New(), Email: "ann@example.com"}}}
	likeAFleet := &persist.Seeds{Users: []protocol.User{{ID: uuid.New(), Email: "user0@example.com"}}}
	mixed := persist.Fleet(3, 1)
	mixed.Users = append(mixed.Users, people.Users...)
	application := func(rows string) string {
		path := filepath.Join(t.TempDir(), "app.db")
		db, err := sql.Open("sqlite", path)
		if err == nil {
			_, err = db.Exec("CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT, username TEXT, first_name TEXT, last_name TEXT); " + rows)
			err = errors.Join(err, db.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, path := range map[string]string{
		"people": seeded(t, people), "people beside a fleet": seeded(t, mixed), "people with the emails of a fleet": seeded(t, likeAFleet),
		"an application without users": application(""),
		"trips without users":          application("DROP TABLE users; CREATE TABLE Trips (id TEXT PRIMARY KEY)"),
		"an application":               application("INSERT INTO users VALUES ('1', NULL, NULL, NULL, NULL)"),
	} {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		err = devOn(t, path)
		var bad *config.Error
		if !errors.As(err, &bad) || bad.Flag != "dev" || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
			t.Errorf("%s: the file was changed, %v", name, err)
		}
	}
	own := seeded(t, persist.Fleet(3, 1))
	empty := filepath.Join(t.TempDir(), "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"a fleet": own, "a fleet and the demo": own, "an empty file": empty, "the demo": empty, "no file": filepath.Join(t.TempDir(), "new", "caravan.db"),
	} {
		if err := devOn(t, path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := sqlite.OpenSeeder(t.Context(), own, discard) // as who tries things out adds somebody
	if err == nil {
		err = errors.Join(s.Seed(t.Context(), people), s.Close(), devOn(t, own))
	}
	if err != nil {
		t.Errorf("somebody beside the demo: %v", err)
	}
}

// TestDemoTokensAreOfOneProcess: what its page gives opens no other server, though all
// of them take what `caravan token --dev` signs.
func TestDemoTokensAreOfOneProcess(t *testing.T) {
	first, second := start(t, sqliteFile(t), "--dev"), start(t, sqliteFile(t), "--dev")
	var who struct{ Users []struct{ ID uuid.UUID } }
	first.call("", "GET", "/demo/config.json", "").into(t, 200, &who)
	var demo struct{ Token string }
	first.call("", "GET", "/demo/token?user="+who.Users[0].ID.String(), "").into(t, 200, &demo)
	known, err := token.Sign([]byte(config.DevelopmentSecret), who.Users[0].ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	random, err := token.Sign([]byte("some other secret, of nobody here"), who.Users[0].ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		bearer string
		want   [2]int
	}{"the page's": {demo.Token, [2]int{200, 401}}, "the fixed secret's": {known, [2]int{200, 200}}, "another secret's": {random, [2]int{401, 401}}} {
		for i, s := range []*server{first, second} {
			if got := s.call(c.bearer, "GET", roomsPath, ""); got.StatusCode != c.want[i] {
				t.Errorf("a token of %s at server %d: %d", name, i, got.StatusCode)
			}
		}
	}
}

// TestDevAnswersToItsOwnNamesOnly: a page whose name was made to lead here gets no
// token, no message and no socket.
func TestDevAnswersToItsOwnNamesOnly(t *testing.T) {
	dev := start(t, sqliteFile(t), "--dev", "--admin-hosts", "caravan.internal")
	plain := start(t, sqliteFile(t))
	ask := func(s *server, path, host string, header ...string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+path, nil)
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
		_ = res.Body.Close()
		return res.StatusCode
	}
	var who struct {
		Users []struct{ ID string }
		Trips []struct{ ID string }
	}
	dev.call("", "GET", "/demo/config.json", "").into(t, 200, &who)
	socket := []string{"Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==", "Origin", "http://evil.example"}
	for _, path := range []string{"/", "/demo/config.json", "/demo/token?user=" + who.Users[0].ID, roomsPath, "/none", "/ws/chat/" + who.Trips[0].ID + "/"} {
		if status := ask(dev, path, "evil.example"); status != http.StatusMisdirectedRequest {
			t.Errorf("%s to another host: %d", path, status)
		}
		for _, host := range []string{"", "localhost", "127.0.0.1", "[::1]:1", "caravan.internal"} {
			if status := ask(dev, path, host); status == http.StatusMisdirectedRequest {
				t.Errorf("%s to %s: %d", path, host, status)
			}
		}
		if status := ask(plain, path, "evil.example"); status == http.StatusMisdirectedRequest {
			t.Errorf("%s without --dev: %d", path, status)
		}
	}
	if status := ask(dev, "/ws/chat/"+who.Trips[0].ID+"/", "evil.example", socket...); status != http.StatusForbidden {
		t.Errorf("a WebSocket to another host: %d", status)
	}
}
