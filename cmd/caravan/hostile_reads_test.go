package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/cmd/caravan/app"
	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestOneUsersReadsKeepNobodyWaiting has one member ask for as much as 60 hands can,
// over REST and WebSockets, beside others who connect, read and chat: with a rate of
// reads, and without any, by turns alone.
func TestOneUsersReadsKeepNobodyWaiting(t *testing.T) {
	onEachStore(t, func(t *testing.T, database string) {
		fillRooms(t, database)
		for name, flags := range map[string][]string{
			"with rates":     {"--read-rate", "20", "--read-burst", "40"},
			"by turns alone": {"--read-rate", "0", "--read-bytes", "0"},
		} {
			t.Run(name, func(t *testing.T) {
				n := startHostile(t, database, nil, flags...)
				before := n.usual(t)
				attack := n.readBulk(0, 60)
				during := n.usual(t)
				refused := attack.end()
				after := n.usual(t) // a machine that is busier than it was at first is so then, too
				for what := range before {
					without := max(before[what], after[what])
					t.Logf("%s: %v and %v, beside %d bulk reads %v", what, before[what], after[what], attack.answered.Load(), during[what])
					if during[what] > 8*without+200*time.Millisecond {
						t.Errorf("%s takes %v beside bulk reads, and %v without", what, during[what], without)
					}
				}
				if text := n.logged(); strings.Contains(text, "cannot be reached") {
					t.Error("a busy database was taken for one that is away")
				}
				if counted := n.metric(`caravan_reads_refused_total{reason="rate"}`); name == "with rates" && (refused == 0 || counted == 0) {
					t.Errorf("%d reads over the rate were refused, %g counted", refused, counted)
				}
			})
		}
	})
}

// TestAUserWithManyConnectionsComesBackOnAll has one user resume on as many connections
// at once as a user may have.
func TestAUserWithManyConnectionsComesBackOnAll(t *testing.T) {
	const connections = 100
	onEachStore(t, func(t *testing.T, database string) {
		fillRooms(t, database)
		n := startHostile(t, database, nil)
		bearer := n.bearer(0)
		r := &readers{node: n, bearer: bearer}
		var coming sync.WaitGroup
		for i := range connections {
			coming.Go(func() {
				if !r.overWebSocket(t.Context(), fmt.Sprintf("since=%d", 2_900+i)) {
					t.Error("a connection is turned away")
				}
			})
		}
		coming.Wait()
	})
}

// fillRooms stores messages in all rooms: more than an answer holds.
func fillRooms(t testing.TB, database string) {
	t.Helper()
	const batches, batch = 12, 250
	cfg, _, err := config.Load(config.Migrate, []string{"--database", database}, nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := app.OpenStore(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Seed(t.Context(), persist.Fleet(hostileUsers, hostileTrips)); err != nil {
		t.Fatal(err)
	}
	for trip := range hostileTrips {
		a, err := store.Access(t.Context(), []room.AccessQuestion{{User: persist.FleetUser(trip), Place: persist.FleetTrip(trip)}})
		if err != nil {
			t.Fatal(err)
		}
		for range batches {
			ops := make([]*room.Op, batch)
			for i := range ops {
				id := uuid.Must(uuid.NewV7())
				ops[i] = &room.Op{
					Intent: protocol.Intent{Kind: protocol.KindMessage, MessageID: id, Content: strings.Repeat("x", 200), Type: protocol.TypeText},
					Row:    id, Room: a[0].Room.ID, Sender: a[0].User, At: time.Now().UTC().Truncate(time.Microsecond),
				}
			}
			if err := store.Append(t.Context(), ops, room.Within{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// usual does what members usually do, as users of another room than that of user 0, and
// returns the medians of how long it took. The server stays ready.
func (n *hostileNode) usual(t *testing.T) map[string]time.Duration {
	t.Helper()
	const rounds = 25
	chat := n.standBy(3)
	took := map[string][]time.Duration{}
	timed := func(what string, do func()) {
		begun := time.Now()
		do()
		took[what] = append(took[what], time.Since(begun))
	}
	for round := range rounds {
		user := 5 + 2*(round%5)
		for what, query := range map[string]string{"a connect": "", "a resume": "&since=0"} {
			timed(what, func() {
				conn, err := n.enter(user, query)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if err := conn.SetDeadline(time.Now().Add(await.Limit)); err != nil {
					t.Fatal(err)
				}
				if history, err := wsutil.ReadServerText(conn); err != nil || !strings.HasPrefix(string(history), `{"type":"message_history"`) {
					t.Fatalf("%s got %.100s, %v", what, history, err)
				}
			})
		}
		timed("a page", func() {
			if status, body := n.call(user, "GET", messagesOf(1)+"?limit=50", ""); status != http.StatusOK {
				t.Fatalf("a page: %d %s", status, body)
			}
		})
		if res, err := http.Get("http://" + n.admin + "/readyz"); err != nil {
			t.Fatal(err)
		} else if text, _ := io.ReadAll(res.Body); res.Body.Close() != nil || res.StatusCode != http.StatusOK {
			t.Errorf("not ready: %s", text)
		}
	}
	took["a message"] = chat.rest(t)
	medians := map[string]time.Duration{}
	for what, all := range took {
		slices.Sort(all)
		medians[what] = percentile(all, 50)
	}
	return medians
}

func messagesOf(trip int) string {
	return "/api/v1/chat/rooms/" + persist.FleetTrip(trip).String() + "/messages/"
}

// readers are the hands of one member who reads without end.
type readers struct {
	node   *hostileNode
	user   int
	bearer string
	http   *http.Client

	stop              context.CancelFunc
	hands             sync.WaitGroup
	answered, refused atomic.Int64
}

// readBulk has a user read as much as so many hands can, until end: each asks for the
// next as soon as it has an answer, and takes a breath after a refusal.
func (n *hostileNode) readBulk(user, hands int) *readers {
	ctx, stop := context.WithCancel(n.t.Context())
	transport := &http.Transport{MaxIdleConnsPerHost: hands}
	n.t.Cleanup(transport.CloseIdleConnections)
	r := &readers{node: n, user: user, bearer: n.bearer(user), http: &http.Client{Transport: transport}, stop: stop}
	for hand := range hands {
		read := r.overREST
		if hand%2 == 1 {
			read = r.overWebSocket
		}
		r.hands.Go(func() {
			for round := 0; ctx.Err() == nil; round++ {
				if read(ctx, fmt.Sprintf("since=%d", hand+hands*(round%5))) { // no two alike
					r.answered.Add(1)
				} else if ctx.Err() == nil {
					r.refused.Add(1)
					time.Sleep(100 * time.Millisecond)
				}
			}
		})
	}
	await.Until(n.t, "reads are answered", func() bool { return r.answered.Load() > int64(hands)/2 })
	return r
}

// end returns how many reads were refused.
func (r *readers) end() int64 {
	r.stop()
	r.hands.Wait()
	return r.refused.Load()
}

func (r *readers) overREST(ctx context.Context, query string) bool {
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+r.node.listen+messagesOf(r.user%hostileTrips)+"?limit=200&"+query, nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+r.bearer)
	res, err := r.http.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == http.StatusOK
}

func (r *readers) overWebSocket(ctx context.Context, query string) bool {
	conn, early, _, err := ws.Dial(ctx, fmt.Sprintf("ws://%s/ws/chat/%s/?token=%s&%s", r.node.listen, persist.FleetTrip(r.user%hostileTrips), r.bearer, query))
	if err != nil {
		return false
	}
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(await.Limit)) != nil {
		return false
	}
	if early != nil {
		conn = earlyConn{conn, early}
	}
	_, err = wsutil.ReadServerText(conn)
	return err == nil
}
