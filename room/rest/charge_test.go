package rest_test

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/media"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/attachment"
	"github.com/caravan-chat/caravan/room/rest"
)

// TestEveryCallIsCharged: each call counts against what its user may ask for. What is not
// in the table of this test, or counts as nothing, fails it.
func TestEveryCallIsCharged(t *testing.T) {
	const burst = 1000
	var rates allowance.Rates
	for k := range rates {
		rates[k] = allowance.Rate{PerSecond: 0.001, Burst: burst} // nothing is made good while the test runs
	}
	table := allowance.New(rates)
	n := wholeChat(t, table)
	trip := persist.FleetTrip(0).String()
	sent := n.ask(t, "POST", "/api/v1/chat/messages/", `{"chat_room":"`+trip+`","client_id":"known","content":"x"}`, "Authorization", bearerOf(t, 0))
	message := strings.TrimPrefix(sent.body, `{"id":"`)[:36]

	uploaded := n.ask(t, "POST", "/api/v1/chat/rooms/"+trip+"/attachments/?name=a", "text", "Authorization", bearerOf(t, 36))
	var file struct{ ID, URL string }
	if err := json.Unmarshal([]byte(uploaded.body), &file); err != nil {
		t.Fatal(uploaded.body, err)
	}
	linked := strings.TrimPrefix(file.URL, "/api/v1/chat/")
	preview := strings.Replace(linked, "/a?", "/preview?", 1)

	write := []allowance.Kind{allowance.Frames, allowance.FrameBytes, allowance.RESTWrites}
	bare := []allowance.Kind{allowance.Frames, allowance.RESTWrites} // a write without a body
	read := []allowance.Kind{allowance.Reads, allowance.ReadBytes}
	var said []string
	for _, c := range []struct {
		call       string
		user       int
		path, body string
		status     int
		charged    []allowance.Kind
	}{
		{"GET rooms", 1, "rooms/", "", 200, read},
		{"HEAD rooms", 2, "rooms/", "", 200, read},
		{"GET page", 3, "rooms/" + trip + "/messages/", "", 200, read},
		{"GET page", 4, "rooms/" + trip + "/messages/?since=0", "", 200, read},
		{"GET page", 5, "rooms/" + trip + "/messages/?since=0&wait=10s", "", 200, read},
		{"HEAD page", 6, "rooms/" + trip + "/messages/", "", 200, read},
		{"POST read", 7, "rooms/" + trip + "/read/", `{"seq":1}`, 200, slices.Concat(write, read)},
		{"GET reads", 8, "rooms/" + trip + "/reads/", "", 200, read},
		{"HEAD reads", 9, "rooms/" + trip + "/reads/", "", 200, read},
		{"POST messages", 10, "messages/", `{"chat_room":"` + trip + `","content":"x"}`, 201, write},
		{"GET message", 11, "messages/" + message + "/", "", 200, read},
		{"HEAD message", 12, "messages/" + message + "/", "", 200, read},
		{"PATCH message", 13, "messages/" + message + "/", `{"content":"y"}`, 403, slices.Concat(write, read)},
		{"DELETE message", 19, "messages/" + message + "/", "", 403, slices.Concat(bare, read)},
		{"GET replies", 20, "messages/" + message + "/replies/", "", 200, read},
		{"HEAD replies", 21, "messages/" + message + "/replies/", "", 200, read},
		{"GET room", 22, "rooms/" + trip + "/", "", 200, read},
		{"HEAD room", 23, "rooms/" + trip + "/", "", 200, read},
		{"GET pins", 24, "rooms/" + trip + "/pins/", "", 200, read},
		{"HEAD pins", 25, "rooms/" + trip + "/pins/", "", 200, read},
		{"PUT pin", 26, "messages/" + message + "/pin/", "", 200, slices.Concat(bare, read)},
		{"DELETE pin", 27, "messages/" + message + "/pin/", "", 200, slices.Concat(bare, read)},
		{"PUT reaction", 28, "messages/" + message + "/reactions/%F0%9F%91%8D/", "", 200, slices.Concat(bare, read)},
		{"DELETE reaction", 29, "messages/" + message + "/reactions/%F0%9F%91%8D/", "", 200, slices.Concat(bare, read)},
		{"GET reactions", 30, "messages/" + message + "/reactions/", "", 200, read},
		{"HEAD reactions", 31, "messages/" + message + "/reactions/", "", 200, read},
		{"GET readers", 32, "messages/" + message + "/readers/", "", 200, read},
		{"HEAD readers", 33, "messages/" + message + "/readers/", "", 200, read},
		{"GET members", 34, "rooms/" + trip + "/members/", "", 200, read},
		{"HEAD members", 35, "rooms/" + trip + "/members/", "", 200, read},
		// A file has a limit of its own, in bytes of a day. Who has a link is nobody that is known.
		{"POST uploads", 43, "rooms/" + trip + "/attachments/?name=a", "text", 201, bare},
		{"GET attachment", 44, "attachments/" + file.ID + "/", "", 200, read[:1]},
		{"HEAD attachment", 37, "attachments/" + file.ID + "/", "", 200, read[:1]},
		{"PUT attachment_preview", 38, "attachments/" + file.ID + "/preview/", "", 403, bare},
		{"GET attachment_link", 39, linked, "", 200, nil},
		{"HEAD attachment_link", 40, linked, "", 200, nil},
		{"GET attachment_preview", 41, preview, "", 200, nil},
		{"HEAD attachment_preview", 42, preview, "", 200, nil},
		// What is refused counts all the same.
		{"GET page", 14, "rooms/" + uuid.NewString() + "/messages/", "", 404, read[:1]},
		{"GET message", 15, "messages/" + uuid.NewString() + "/", "", 404, read[:1]},
		{"POST messages", 16, "messages/", `{`, 400, write},
		{"POST read", 17, "rooms/" + trip + "/read/", `{`, 400, slices.Concat(write, read[:1])},
		{"PATCH message", 18, "messages/" + message + "/", `{`, 400, slices.Concat(write, read[:1])},
	} {
		method, _, _ := strings.Cut(c.call, " ")
		got := n.ask(t, method, "/api/v1/chat/"+c.path, c.body, "Authorization", bearerOf(t, c.user))
		if got.StatusCode != c.status {
			t.Errorf("%s %s: %d %s", method, c.path, got.StatusCode, got.body)
		}
		if spent := spentOf(table, c.user, burst); c.charged != nil && !equal(spent, c.charged) || c.charged == nil && len(spent) > 0 {
			t.Errorf("%s %s charges %v, want %v", method, c.path, spent, c.charged)
		}
		said = append(said, c.call)
	}
	for _, call := range rest.Calls() {
		if !slices.Contains(said, call) {
			t.Errorf("nobody has said what %s counts as", call)
		}
	}
}

// equal tells whether both have the same kinds, of which there is at least one.
func equal(a, b []allowance.Kind) bool {
	return len(a) > 0 && slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// spentOf returns of what a user has spent something.
func spentOf(table *allowance.Table, user, burst int) (spent []allowance.Kind) {
	may := table.Of(persist.FleetUser(user))
	defer may.Return()
	for k := range allowance.Kinds {
		if whole, _ := may.Take(k, burst, time.Now()); !whole {
			spent = append(spent, k)
		}
	}
	return spent
}

var chatSecret = []byte("a secret of the tests, 32 bytes!!")

func bearerOf(t *testing.T, user int) string {
	t.Helper()
	signed, err := token.Sign(chatSecret, persist.FleetUser(user), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + signed
}

// wholeChat serves a chat on a SQLite file with one trip.
func wholeChat(t *testing.T, table *allowance.Table) *node {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "caravan.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Seed(t.Context(), persist.Fleet(50, 1)); err != nil {
		t.Fatal(err)
	}
	verifier, err := token.New(t.Context(), token.Config{Secret: chatSecret})
	if err != nil {
		t.Fatal(err)
	}
	types, _ := media.ParseAllowed(media.DefaultTypes)
	files := attachment.New(store, &keptBytes{}, attachment.Config{BytesMax: 1 << 20, Types: types, Links: attachment.NewLinks([]byte("key"), "", time.Hour)})
	svc := room.New(store, verifier, nil, room.Config{Allowances: table, Rules: protocol.Rules{ContentRunesMax: 10_000}})
	t.Cleanup(func() {
		svc.Close()
		files.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return start(t, svc, func(cfg *rest.Config) { cfg.Allowances, cfg.Files = table, files })
}
