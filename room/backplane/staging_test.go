package backplane_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
	"github.com/caravan-chat/caravan/persist/postgres"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/backplane"
)

// TestStagingOnACopyHearsNothingOfProduction runs two nodes of production, and one of
// staging on a copy of its database, on one Redis and with one prefix.
func TestStagingOnACopyHearsNothingOfProduction(t *testing.T) {
	t.Parallel()
	redis, server := redisserver.Start(t), pgserver.Start(t)
	open := func(database string) *postgres.Store {
		t.Helper()
		s, err := postgres.Open(t.Context(), postgres.Config{URL: server.URL(database), Log: slog.New(slog.DiscardHandler)})
		must(t, err)
		must(t, s.Migrate(t.Context()))
		return s
	}
	sql := func(text string) {
		t.Helper()
		_, err := server.Exec("postgres", text)
		must(t, err)
	}
	sql("CREATE DATABASE production")
	before := open("production")
	newCaravanOn(t, before)
	_, err := before.Deployment(t.Context()) // so that the copy has what is stored of it
	must(t, err)
	must(t, before.Close()) // nobody may be connected to what is copied
	sql("CREATE DATABASE staging TEMPLATE production")

	log := new(lines)
	node := func(database string) *node {
		t.Helper()
		s := open(database)
		t.Cleanup(func() { must(t, s.Close()) })
		deployment, err := s.Deployment(t.Context())
		must(t, err)
		cfg := backplane.Config{URL: redis.URL(), Name: database, Deployment: deployment, Log: slog.New(slog.NewTextHandler(log, nil))}
		return newCaravanOn(t, s).nodeOn(s, cfg)
	}
	first, second, staging := node("production"), node("production"), node("staging")
	roomID := first.caravan.rooms[0].ID
	there, elsewhere := second.join(t, roomID, "in production"), staging.join(t, roomID, "in staging")
	healthy(t, first, second, staging)
	carriesTo(t, first, second, there)

	const messages = 20
	last := int64(0)
	for n := range messages {
		last = first.send(0, fmt.Sprint("a message of production ", n)).Seq
	}
	there.hears(last, await.Limit)
	await.Until(t, "staging received it all, and a notice of typing", func() bool {
		first.Notify(roomID, &first.caravan.users[0], &protocol.Intent{Kind: protocol.KindTyping, On: true})
		return staging.bp.Stats().Foreign > messages
	})
	own := staging.send(0, "a message of staging")
	elsewhere.hears(own.Seq, await.Limit)
	elsewhere.mu.Lock()
	if own.Seq != 1 || elsewhere.events != 1 || len(elsewhere.typings) != 0 {
		t.Errorf("staging told %d events, the last with number %d, and %d notices of typing", elsewhere.events, own.Seq, len(elsewhere.typings))
	}
	elsewhere.mu.Unlock()
	if s := staging.Stats(); s.Gaps+s.Repairs+s.Rewinds != 0 {
		t.Errorf("staging looked for what it does not have: %+v", s)
	}
	await.Until(t, "production received what staging told", func() bool {
		return first.bp.Stats().Foreign+second.bp.Stats().Foreign > 0
	})
	carriesTo(t, first, second, there)
	name := func(b *backplane.Backplane) string { return "node=" + b.Node().String() }
	for _, deployment := range [][]string{{name(first.bp), name(second.bp)}, {name(staging.bp)}} { // of which the first one that is heard is told of
		told := 0
		for _, node := range deployment {
			told += strings.Count(log.String(), node)
		}
		if told == 0 || told > 2 {
			t.Errorf("the log of all nodes tells %d times of %v:\n%s", told, deployment, log.String())
		}
	}
	nodes, err := backplane.Nodes(t.Context(), backplane.Config{URL: redis.URL()})
	must(t, err)
	told := map[string]string{}
	for _, n := range nodes {
		told[n.Name+" "+backplane.DeploymentOf(n.ID)] = n.Name
	}
	if len(nodes) != 3 || len(told) != 2 {
		t.Errorf("the nodes belong to %v", told)
	}
}

// lines is a log that tests read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
