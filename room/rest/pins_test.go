package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestPinsAreListedTheLatestFirst: where not all fit, a link leads further.
func TestPinsAreListedTheLatestFirst(t *testing.T) {
	c := newChat(5)
	for i := range 4 {
		c.messages[i+1].Extra = &protocol.Extra{PinnedAt: time.UnixMicro(int64(i) - 1).UTC(), PinnedBy: c.jonas.ID}
	}
	n := start(t, c)
	for _, place := range []uuid.UUID{c.place.ID, c.place.TripID} {
		var pages []string
		for next := "/api/v1/chat/rooms/" + place.String() + "/pins"; next != ""; {
			got := n.ask(t, "GET", next, "")
			var page struct {
				Results []struct{ Seq int64 }
				Next    *string
			}
			if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.StatusCode != 200 {
				t.Fatalf("%v in %d %s", err, got.StatusCode, got.body)
			}
			var text strings.Builder
			for _, m := range page.Results {
				text.WriteString(fmt.Sprint(m.Seq))
			}
			pages, next = append(pages, text.String()), ""
			if page.Next != nil {
				next = strings.TrimPrefix(*page.Next, "http://"+n.addr)
			}
		}
		if strings.Join(pages, " ") != "54 32" {
			t.Errorf("pages %v", pages)
		}
	}
}

// TestPinsGoTheirWay: a pin is set, or taken away, and the answer is the message.
func TestPinsGoTheirWay(t *testing.T) {
	c := newChat(1)
	var asked []*room.Op
	c.do = func(_ context.Context, op *room.Op) error {
		asked = append(asked, op)
		op.Outcome, op.Message = room.Stored, &c.messages[0]
		return nil
	}
	n := start(t, c)
	path := "/api/v1/chat/messages/" + c.messages[0].ID.String() + "/pin"
	for i, method := range []string{"PUT", "DELETE"} {
		for _, path := range []string{path, path + "/"} {
			asked = nil
			got := n.ask(t, method, path, "", "Authorization", "Bearer jonas")
			if got.StatusCode != 200 || !strings.HasPrefix(got.body, `{"id":"`+c.messages[0].ID.String()) || len(asked) != 1 {
				t.Fatalf("%s: %d %s", method, got.StatusCode, got.body)
			}
			if op := asked[0]; op.Kind != protocol.KindPin || op.On != (i == 0) || op.MessageID != c.messages[0].ID || op.Sender.ID != c.jonas.ID || op.May != protocol.MayDefault {
				t.Errorf("asked for %+v", op)
			}
		}
	}
}

// TestPagesSayWhereTheRoomBegins: where that is not its first number.
func TestPagesSayWhereTheRoomBegins(t *testing.T) {
	c := newChat(5)
	c.place.FirstSeq = 4
	n := start(t, c)
	path := "/api/v1/chat/rooms/" + c.place.ID.String() + "/"
	for _, query := range []string{"messages/", "messages/?before=5", "messages/?since=1", "messages/?since=1&wait=1s", ""} {
		if got := n.ask(t, "GET", path+query, ""); got.StatusCode != 200 || strings.Count(got.body, `"first_seq":4`) != 1 {
			t.Errorf("%s: %d %s", query, got.StatusCode, got.body)
		}
	}
	if got := n.ask(t, "GET", path+"messages/?after=3&limit=1", ""); !strings.Contains(got.body, `"previous":null`) {
		t.Errorf("it leads behind the beginning: %s", got.body)
	}
}
