package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/bench/await"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/cmd/caravan/app"
	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist"
)

// seed writes rows while the server runs, as another process would.
func (s *server) seed(seeds *persist.Seeds) {
	s.t.Helper()
	seeder, err := app.OpenSeeder(s.t.Context(), s.cfg, s.logger())
	if err != nil {
		s.t.Fatal(err)
	}
	if err := seeder.Seed(s.t.Context(), seeds); err != nil {
		s.t.Fatal(err)
	}
	if err := seeder.Close(); err != nil {
		s.t.Fatal(err)
	}
}

func TestWhatWasAcceptedIsCommittedAndToldBeforeTheClose(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database, "--rate", "0")
		amina, _ := s.join(0, 0)
		jonas, _ := s.join(2, 0)
		const sent = 200
		for i := range sent {
			amina.send(fmt.Sprintf(`{"type":"chat_message","content":"m%d","client_id":"c%d"}`, i, i))
		}
		amina.read() // the first is accepted; the others may be anywhere on their way
		s.stop()
		told := func(m *member, seq int64) (last int64, unavailable int) {
			for {
				f, closed := m.next()
				switch {
				case closed == 1012:
					return seq, unavailable
				case closed != 0:
					t.Fatalf("closed with %d", closed)
				case f.Type == "error" && f.Code == "unavailable":
					unavailable++
				case f.Type != "chat_message" || f.Seq != seq+1:
					t.Fatalf("after %d: %+v", seq, f)
				default:
					seq = f.Seq
				}
			}
		}
		mine, refused := told(amina, 1)
		his, _ := told(jonas, 0)
		s.shutDown()
		if mine != his {
			t.Errorf("the sender was told up to %d, another member up to %d", mine, his)
		}

		again := start(t, database)
		var p page
		again.call(bearer(t, 0), "GET", roomsPath+persist.FleetTrip(0).String()+"/messages/?limit=200", "").into(t, 200, &p)
		if int64(len(p.Results)) != mine {
			t.Errorf("%d messages are stored, %d were told, %d refused", len(p.Results), mine, refused)
		}
	})
}

func TestADrainAnswersLongPollsAndRefusesNewClients(t *testing.T) {
	s := start(t, sqliteFile(t), "--drain-timeout", "2s")
	var members []*member
	for range 8 { // the last of them is sent away late in the spread
		m, _ := s.join(0, 0)
		members = append(members, m)
	}
	polled := make(chan answer, 1)
	var polledAt, closedAt time.Time
	go func() {
		defer func() { polledAt = time.Now(); close(polled) }()
		polled <- s.call(bearer(t, 0), "GET", roomsPath+persist.FleetTrip(0).String()+"/messages/?since=0&wait=60s", "")
	}()
	await.Until(t, "the poll waits", func() bool { return strings.Contains(string(s.admin("/metrics").body), "caravan_rest_long_polls 1") })
	s.stop()
	await.Until(t, "it is not ready", func() bool { return s.admin("/readyz").StatusCode == 503 })
	if body := string(s.admin("/readyz").body); !strings.Contains(body, "draining") {
		t.Errorf("readyz says %s", body)
	}
	if s.admin("/healthz").StatusCode != 200 {
		t.Error("a draining server is not alive")
	}
	await.Until(t, "new clients are refused, as where nobody listens", func() bool {
		c, err := net.Dial("tcp", s.app.Addr().String())
		if err == nil {
			_ = c.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	for _, m := range members {
		if _, closed := m.next(); closed != 1012 {
			t.Errorf("a member was closed with %d", closed)
		}
	}
	closedAt = time.Now()
	a := await.Value(t, "the poll's answer", polled)
	await.Done(t, "its time", polled) // polledAt is set
	if polledAt.After(closedAt) {
		t.Error("the poll waited until the last member was gone")
	}
	if a.StatusCode != 200 || string(a.body) != `{"results":[],"seq":0,"has_more":false}` {
		t.Errorf("the poll got %d %s", a.StatusCode, a.body)
	}
	s.shutDown()
}

func TestADatabaseThatGoesAwayAndComesBackNeedsNoRestart(t *testing.T) {
	besideOthers(t)
	pg := pgserver.Start(t)
	s := start(t, pg.Database(t))
	member, _ := s.join(0, 0)
	trip := persist.FleetTrip(0).String()
	s.post(0, trip, "before")
	member.read()
	if err := pg.Stop(pgserver.Fast); err != nil {
		t.Fatal(err)
	}
	for _, a := range []answer{
		s.call(bearer(t, 0), "GET", roomsPath, ""),
		s.call(bearer(t, 0), "GET", roomsPath+trip+"/messages/", ""),
		s.call(bearer(t, 0), "POST", messagesPath, `{"chat_room":"`+trip+`","content":"lost"}`),
	} {
		if a.StatusCode != 503 || a.code() != "unavailable" || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s: %d %s, Retry-After %q", a.Request.Method, a.Request.URL.Path, a.StatusCode, a.body, a.Header.Get("Retry-After"))
		}
	}
	await.Until(t, "it is not ready", func() bool {
		a := s.admin("/readyz")
		return a.StatusCode == 503 && strings.Contains(string(a.body), "database unreachable")
	})
	if err := pg.Start(); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "it is ready again", func() bool { return s.admin("/readyz").StatusCode == 200 })
	m := s.post(0, trip, "after")
	if f := member.read(); f.Type != "chat_message" || f.Message.ID != m.ID || f.Seq != 2 {
		t.Errorf("the member got %+v", f)
	}
}

func TestOpenFailsWhereThereIsNoDatabase(t *testing.T) {
	cfg, _, err := config.Load(config.Serve, []string{"--jwt-secret", secret, "--listen", "127.0.0.1:0", "--admin-listen", "", "--database", "postgres://nobody@127.0.0.1:1/x", "--database-wait", "0s"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := app.New(cfg, app.Version{}, discard)
	if err := a.Open(t.Context()); err == nil {
		t.Error("opened without a database")
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheDemoPageIsServedInDevelopmentOnly(t *testing.T) {
	dev := start(t, sqliteFile(t), "--dev")
	if got := dev.call("", "GET", "/", ""); got.StatusCode != 200 || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
		t.Errorf("with --dev: %d %s", got.StatusCode, got.body)
	}
	var who struct {
		Users []struct{ ID string }
		Trips []struct{ ID string }
	}
	dev.call("", "GET", "/demo/config.json", "").into(t, 200, &who)
	var signed struct{ Token string }
	dev.call("", "GET", "/demo/token?user="+who.Users[1].ID, "").into(t, 200, &signed)
	for _, trip := range who.Trips {
		if got := dev.call(signed.Token, "GET", roomsPath+trip.ID+"/messages/", ""); got.StatusCode != 200 {
			t.Errorf("a demo user at a demo trip: %d %s", got.StatusCode, got.body)
		}
	}
	plain := start(t, sqliteFile(t))
	for _, path := range []string{"/", "/demo/config.json", "/demo/token?user=" + who.Users[0].ID} {
		if got := plain.call("", "GET", path, ""); got.StatusCode != 404 || got.code() != "not_found" {
			t.Errorf("%s without --dev: %d %s", path, got.StatusCode, got.body)
		}
	}
}

func TestEveryMetricAndFlagIsDocumented(t *testing.T) {
	s := start(t, sqliteFile(t), "--redis", redisserver.Start(t).URL(), "--attachments", "file:"+t.TempDir(), "--otlp-endpoint", "http://127.0.0.1:1")
	member, _ := s.join(0, 0)
	member.send(`{"type":"chat_message","content":"x"}`)
	member.read()
	member.send(`{"type":"chat_message","content":"x","reply_to":"` + persist.FleetTrip(0).String() + `"}`)
	member.read()
	gone, _ := s.join(2, 0)
	_ = gone.conn.Close()
	s.call(bearer(t, 0), "GET", roomsPath, "")
	await.Until(t, "one member has left", func() bool {
		return bytes.Contains(s.admin("/metrics").body, []byte(`caravan_closes_total{code="1006"} 1`))
	})
	doc, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	body := s.admin("/metrics").body
	names := regexp.MustCompile(`(?m)^# TYPE (caravan_\S+)`).FindAllSubmatch(body, -1)
	if len(names) < 40 {
		t.Errorf("only %d metrics", len(names))
	}
	for _, name := range names {
		if !bytes.Contains(doc, append(append([]byte("`"), name[1]...), '`')) {
			t.Errorf("docs/operations.md does not explain %s", name[1])
		}
	}
	for _, name := range regexp.MustCompile("`(caravan_[a-z_]+)`").FindAllSubmatch(doc, -1) {
		if !slices.ContainsFunc(names, func(n [][]byte) bool { return bytes.Equal(n[1], name[1]) }) {
			t.Errorf("docs/operations.md explains %s, which does not exist", name[1])
		}
	}
	for _, cmd := range []config.Command{config.Serve, config.Migrate, config.Token, config.Seed, config.Status, config.UserAdd, config.TripAdd, config.MemberAdd} {
		for _, flag := range config.Names(cmd) {
			if !bytes.Contains(doc, []byte("`--"+flag+"`")) {
				t.Errorf("docs/operations.md does not explain --%s", flag)
			}
		}
	}
	for _, line := range []string{
		"caravan_connections 1\n", "caravan_messages_total 1\n", `caravan_build_info{commit="c0",go="go0",version="v0"} 1`,
		`caravan_store_info{journal_mode="wal",store="sqlite",synchronous="full",version="3.`, "caravan_database_up 1\n", "caravan_ready 1\n",
		"caravan_batch_messages_count 2\n", "go_goroutines ", "process_open_fds ",
	} {
		await.Until(t, fmt.Sprintf("%q is in the metrics", line), func() bool { return bytes.Contains(s.admin("/metrics").body, []byte(line)) })
	}
}

func TestTheProfilerIsOnTheAdminPortOnly(t *testing.T) {
	s := start(t, sqliteFile(t))
	if got := s.admin("/debug/pprof/goroutine?debug=1"); got.StatusCode != 200 || !bytes.Contains(got.body, []byte("goroutine profile")) {
		t.Errorf("admin: %d", got.StatusCode)
	}
	if got := s.admin("/debug/pprof/cmdline"); got.StatusCode != http.StatusNotFound { // which may hold secrets
		t.Errorf("the command line: %d", got.StatusCode)
	}
	for _, path := range []string{"/debug/pprof/", "/metrics", "/readyz", "/healthz"} {
		if got := s.call("", "GET", path, ""); got.StatusCode != http.StatusNotFound {
			t.Errorf("public %s: %d", path, got.StatusCode)
		}
	}
}

func TestRunEndsWhereItIsStoppedBeforeItBegins(t *testing.T) {
	cfg, _, err := config.Load(config.Serve, []string{"--dev", "--listen", "127.0.0.1:0", "--admin-listen", "", "--database", sqliteFile(t)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := app.New(cfg, app.Version{}, discard)
	if err := a.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := a.Run(ctx, func() {}); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
