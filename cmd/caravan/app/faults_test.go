package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
)

// databaseFault is something that happens to a database while a fleet writes.
type databaseFault struct {
	name    string
	refuses bool // it lasts until a message was refused
	harm    func(ctx context.Context, pg *pgserver.Server, database string, refused <-chan struct{}) error
}

var databaseFaults = []databaseFault{
	{"immediate shutdown", false, func(_ context.Context, pg *pgserver.Server, _ string, _ <-chan struct{}) error {
		return pg.Restart(pgserver.Immediate)
	}},
	{"frozen for three seconds", false, func(_ context.Context, pg *pgserver.Server, _ string, _ <-chan struct{}) error {
		err := pg.Pause()
		time.Sleep(3 * time.Second)
		return errors.Join(err, pg.Resume())
	}},
	{"read-only", true, func(_ context.Context, pg *pgserver.Server, _ string, refused <-chan struct{}) error {
		err := pg.Set("default_transaction_read_only", "on")
		return errors.Join(err, until(refused), pg.Set("default_transaction_read_only", "off"))
	}},
	{"every connection taken", true, func(ctx context.Context, pg *pgserver.Server, database string, refused <-chan struct{}) error {
		taken, err := pg.TakeConnections(ctx, databaseName(database))
		return errors.Join(err, until(refused), taken.Close())
	}},
	{"no disk for tables", true, func(_ context.Context, pg *pgserver.Server, database string, refused <-chan struct{}) error {
		err := pg.FillTables(databaseName(database))
		return errors.Join(err, until(refused), pg.FreeDisk())
	}},
	{"no disk for the log", false, func(_ context.Context, pg *pgserver.Server, _ string, _ <-chan struct{}) error {
		err := pg.FillWAL()
		time.Sleep(4 * time.Second)
		return errors.Join(err, pg.FreeDisk())
	}},
}

// someRefused is the counter of what was refused, when it is not zero.
var someRefused = regexp.MustCompile(`caravan_refusals_total\{code="unavailable"\} [1-9]`)

func until(refused <-chan struct{}) error {
	select {
	case <-refused:
		return nil
	case <-time.After(await.Limit):
		return errors.New("no message was refused")
	}
}

// databaseName returns the last part of a postgres:// URL's path.
func databaseName(url string) string {
	path, _, _ := strings.Cut(url, "?")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// Whatever happens to PostgreSQL, clients stay connected, each message ends as
// stored and told or as unavailable and never stored, and service resumes.
func TestClientsStayWhateverHappensToPostgreSQL(t *testing.T) {
	besideOthers(t)
	databases := make([]*pgserver.Server, len(databaseFaults))
	for i := range databases {
		databases[i] = pgserver.Start(t, pgserver.Setting("max_connections", "20"), pgserver.Setting("autovacuum", "off"))
	}
	for i, fault := range databaseFaults {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			pg := databases[i]
			database := pg.Database(t)
			s := start(t, database, "--rate", "0", "--batch-rows", "50")
			amina, _ := s.join(0, 0)
			jonas, _ := s.join(2, 0)
			trip := persist.FleetTrip(0).String()

			over := make(chan error, 1)
			rest := make(chan map[string]string, 1)
			stop, refusal := make(chan struct{}), make(chan struct{})
			time.AfterFunc(100*time.Millisecond, func() { over <- fault.harm(t.Context(), pg, database, refusal) })
			bearer := bearer(t, 2)
			go func() { rest <- s.postUntil(stop, bearer, trip) }()
			sent := 0
			send := func() {
				sent++
				amina.send(fmt.Sprintf(`{"type":"chat_message","content":"w%d","client_id":"w%d"}`, sent, sent))
			}
			tell := sync.OnceFunc(func() { close(refusal) })
			for waiting := true; waiting; {
				send()
				if someRefused.Match(s.admin("/metrics").body) {
					tell() // the first has waited for as long as messages do
				}
				select {
				case err := <-over:
					if err != nil {
						t.Fatal(err)
					}
					waiting = false
				case <-time.After(20 * time.Millisecond):
				}
			}
			close(stop)
			fates := await.Value(t, "the fates of what was posted", rest)
			send()
			resumed := false
			told := map[string]int64{}
			for answered := 0; answered < sent; {
				switch f := amina.read(); {
				case f.Type == "error" && f.Code == "unavailable" && fates[f.ClientID] == "":
					fates[f.ClientID] = f.Code
					answered++
				case f.Type == "chat_message" && f.Message.ClientID != nil:
					id := *f.Message.ClientID
					told[id] = f.Seq
					if strings.HasPrefix(id, "w") {
						fates[id] = "stored"
						answered++
					}
					if id == fmt.Sprintf("w%d", sent) {
						resumed = true
					}
				default:
					t.Fatalf("got %+v", f)
				}
			}
			if !resumed { // the one sent as it ended may have been refused
				await.Until(t, "messages are stored again", func() bool {
					a := s.call(bearer, "POST", messagesPath, `{"chat_room":"`+trip+`","content":"again","client_id":"again"}`)
					return a.StatusCode == 201
				})
				fates["again"] = "stored"
			}
			stored := s.everyClientID(bearer, trip)
			refused := 0
			for id, fate := range fates {
				if seq := stored[id]; (fate == "stored") != (seq > 0) {
					t.Errorf("%s ended as %s, and is stored as %d", id, fate, seq)
				} else if was, ok := told[id]; ok && was != seq {
					t.Errorf("%s was told as %d, and is stored as %d", id, was, seq)
				}
				if fate == "unavailable" {
					refused++
				}
			}
			if len(stored)+refused != len(fates) || (fault.refuses && refused == 0) {
				t.Errorf("%d fates, %d stored, %d refused", len(fates), len(stored), refused)
			}
			for seq := int64(1); seq <= int64(len(stored)); seq++ { // to the other member as well, each once
				if f := jonas.read(); f.Type != "chat_message" || f.Seq != seq {
					t.Fatalf("the other member got %+v, want %d", f, seq)
				}
			}
			t.Logf("%d stored, %d refused", len(stored), refused)
		})
	}
}

// postUntil posts messages one after the other and returns what became of each.
func (s *server) postUntil(stop <-chan struct{}, bearer, trip string) map[string]string {
	fates := map[string]string{}
	for n := 1; ; n++ {
		select {
		case <-stop:
			return fates
		case <-time.After(20 * time.Millisecond):
		}
		id := fmt.Sprintf("r%d", n)
		req, err := http.NewRequest(http.MethodPost, s.url+messagesPath, strings.NewReader(fmt.Sprintf(`{"chat_room":%q,"content":"x","client_id":%q}`, trip, id)))
		if err != nil {
			s.t.Error(err)
			return fates
		}
		req.Header.Set("Authorization", "Bearer "+bearer)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			s.t.Error(err)
			return fates
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		var refusal struct{ Code string }
		switch {
		case err == nil && res.StatusCode == http.StatusCreated:
			fates[id] = "stored"
		case err == nil && res.StatusCode == http.StatusServiceUnavailable && json.Unmarshal(body, &refusal) == nil && res.Header.Get("Retry-After") != "":
			fates[id] = refusal.Code
		default:
			s.t.Errorf("%s: %d %s %v", id, res.StatusCode, body, err)
		}
	}
}

// everyClientID reads a whole room, whose numbers must be dense, and returns the
// number of each client_id, which must be there once.
func (s *server) everyClientID(bearer, place string) map[string]int64 {
	s.t.Helper()
	stored := map[string]int64{}
	for after := int64(0); ; {
		var p page
		s.call(bearer, "GET", fmt.Sprintf("%s%s/messages/?after=%d&limit=200", roomsPath, place, after), "").into(s.t, 200, &p)
		if len(p.Results) == 0 {
			return stored
		}
		for _, m := range p.Results {
			if after++; m.Seq != after {
				s.t.Fatalf("message %d comes after %d", m.Seq, after-1)
			}
			if m.ClientID == nil || stored[*m.ClientID] != 0 {
				s.t.Fatalf("stored twice, or without client_id: %+v", m)
			}
			stored[*m.ClientID] = m.Seq
		}
	}
}

// A room whose row another session has locked holds up its own lane only.
func TestALockedRoomDelaysNoOtherLane(t *testing.T) {
	const rooms, othersMin = 16, 5 // of four lanes; fewer than that on others: once in 100,000 runs
	database := migrated.Postgres(t, pgserver.Shared(t))
	s := start(t, database, "--writers", "4")
	s.seed(persist.Fleet(rooms, rooms))
	var members []*member
	for i := range rooms {
		m, _ := s.join(i, i)
		members = append(members, m)
		s.post(i, persist.FleetTrip(i).String(), "first")
		m.read()
	}
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT FROM chat_rooms WHERE trip_id = $1 FOR UPDATE", persist.FleetTrip(0)); err != nil {
		t.Fatal(err)
	}
	members[0].send(`{"type":"chat_message","content":"locked"}`)
	waits := func() (waits bool) {
		const sql = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())"
		if err := tx.QueryRow(t.Context(), sql).Scan(&waits); err != nil {
			t.Fatal(err)
		}
		return waits
	}
	await.Until(t, "its transaction waits for the room", waits)
	told := make(chan error, rooms)
	for _, m := range members[1:] {
		m.send(`{"type":"chat_message","content":"free"}`)
		go func() {
			_, _, err := readFrame(m.conn)
			told <- err
		}()
	}
	for n := range rooms - 1 {
		if n == othersMin { // went on while one was locked
			if err := tx.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := await.Value(t, "a message of another room", told); err != nil {
			t.Error(err)
		}
	}
	if f := members[0].read(); f.Message.Content != "locked" {
		t.Errorf("after the lock is given up: %+v", f)
	}
}

// One client_id is one message: on the same connection, on another, from ten at
// once, over REST, and after a restart.
func TestAClientIDIsStoredOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		const frameText = `{"type":"chat_message","content":"once","client_id":"one"}`
		trip := persist.FleetTrip(0).String()
		body := `{"chat_room":"` + trip + `","content":"once","client_id":"one"}`
		s := start(t, database, "--rate", "0")
		first := make(chan message, 10)
		watcher, _ := s.join(2, 0)
		for range 9 {
			m, _ := s.join(0, 0)
			m.send(frameText)
			m.send(frameText)
			go func() {
				_, payload, err := readFrame(m.conn)
				var f struct{ Message message }
				if err == nil {
					err = json.Unmarshal(payload, &f)
				}
				if err != nil {
					t.Errorf("%v in %s", err, payload)
				}
				first <- f.Message
			}()
		}
		posted := s.call(bearer(t, 0), "POST", messagesPath, body)
		if posted.StatusCode != 200 && posted.StatusCode != 201 {
			t.Errorf("%d %s", posted.StatusCode, posted.body)
		}
		var byREST message
		posted.into(t, posted.StatusCode, &byREST)
		first <- byREST
		one := watcher.read().Message
		for range 10 {
			if m := await.Value(t, "an answer", first); m.ID != one.ID || m.Seq != 1 {
				t.Errorf("one was told %+v, another %+v", one, m)
			}
		}
		s.shutDown()

		again := start(t, database)
		m, history := again.join(0, 0)
		if len(history.Messages) != 1 || history.Messages[0].ID != one.ID {
			t.Errorf("after the restart there are %+v", history.Messages)
		}
		m.send(frameText)
		if f := m.read(); !f.Duplicate || f.Message.ID != one.ID {
			t.Errorf("after the restart: %+v", f)
		}
		again.call(bearer(t, 0), "POST", messagesPath, body).into(t, 200, &byREST)
		if byREST.ID != one.ID {
			t.Errorf("over REST after the restart: %+v", byREST)
		}
		if stored := again.everyClientID(bearer(t, 0), trip); len(stored) != 1 {
			t.Errorf("stored: %v", stored)
		}
	})
}
