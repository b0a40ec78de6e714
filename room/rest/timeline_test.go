package rest_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestWhatAFormerPrimaryAnsweredIsNotTold: another primary takes over while a call is under
// way, after what it answers was read or stored.
func TestWhatAFormerPrimaryAnsweredIsNotTold(t *testing.T) {
	const unavailable, unknown = string(protocol.CodeUnavailable), string(protocol.CodeUnknownOutcome)
	c := newChat(3)
	m := "messages/" + c.messages[0].ID.String() + "/"
	in := "rooms/" + c.place.ID.String() + "/"
	for _, a := range []struct {
		method, path, body, code string
	}{
		{"GET", "rooms/", "", unavailable},
		{"GET", in, "", unavailable},
		{"GET", in + "messages/", "", unavailable},
		{"GET", in + "messages/?after=1", "", unavailable},
		{"GET", in + "messages/?since=0", "", unavailable},
		{"GET", in + "reads/", "", unavailable},
		{"GET", in + "pins/", "", unavailable},
		{"GET", m, "", unavailable},
		{"GET", m + "replies/", "", unavailable},
		{"GET", m + "readers/", "", unavailable},
		{"GET", m + "reactions/", "", unavailable},
		{"GET", "messages/" + uuid.NewString() + "/", "", unavailable}, // the new primary may have it
		{"POST", "messages/", `{"chat_room":"` + c.place.ID.String() + `","content":"x"}`, unknown},
		{"PATCH", m, `{"content":"y"}`, unknown},
		{"DELETE", m, "", unknown},
		{"PUT", m + "pin/", "", unknown},
		{"PUT", m + "reactions/%F0%9F%91%8D/", "", unknown},
		{"POST", in + "read/", `{"seq":1}`, unknown},
		{"POST", in + "read/", `{`, "invalid_json"}, // nothing was asked of the database
	} {
		t.Run(a.method+" "+a.path, func(t *testing.T) {
			var looks atomic.Int32
			c.timeline = func() room.Timeline { return min(room.Timeline(looks.Add(1)), 2) }
			n := start(t, c)
			got := n.ask(t, a.method, "/api/v1/chat/"+a.path, a.body)
			if got.code() != a.code {
				t.Errorf("%d %s", got.StatusCode, got.body)
			}
			if (a.code == unavailable || a.code == unknown) && (got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "") {
				t.Errorf("%d, %v", got.StatusCode, got.Header)
			}
			looks.Store(2) // from now on nothing changes
			if got := n.ask(t, a.method, "/api/v1/chat/"+a.path, a.body); got.StatusCode == http.StatusServiceUnavailable {
				t.Errorf("on the new primary: %d %s", got.StatusCode, got.body)
			}
		})
	}
}

// TestALongPollTellsWhatWasReadOfTheNewPrimary: another one took over while it waited.
func TestALongPollTellsWhatWasReadOfTheNewPrimary(t *testing.T) {
	for read, status := range map[room.Timeline]int{1: http.StatusServiceUnavailable, 2: http.StatusOK} {
		c := newChat(1)
		var known atomic.Uint32
		known.Store(1)
		c.timeline = func() room.Timeline { return room.Timeline(known.Load()) }
		c.wait = func(context.Context) (room.Page, error) {
			known.Store(2)
			return room.Page{Seq: 1, Stand: 1, Timeline: read}, nil
		}
		n := start(t, c)
		got := n.ask(t, "GET", "/api/v1/chat/rooms/"+c.place.ID.String()+"/messages/?since=1&wait=1s", "")
		if got.StatusCode != status {
			t.Errorf("read on timeline %d: %d %s", read, got.StatusCode, got.body)
		}
	}
}
