package rest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/rest"
)

// stuck is a domain whose database does not answer: each read ends with its context.
type stuck struct {
	*chat
	entries bool // rights are known all the same
}

func ended[A any](ctx context.Context) (none A, err error) {
	<-ctx.Done()
	return none, context.Cause(ctx)
}

func (s *stuck) Access(ctx context.Context, user, place uuid.UUID) (room.Access, error) {
	if s.entries {
		return s.chat.Access(ctx, user, place)
	}
	return ended[room.Access](ctx)
}

func (s *stuck) Page(ctx context.Context, _ room.PageQuery) (room.Page, error) {
	return ended[room.Page](ctx)
}

func (s *stuck) Since(ctx context.Context, _ room.SinceQuery) (room.Page, error) {
	return ended[room.Page](ctx)
}

func (s *stuck) Rooms(ctx context.Context, _ room.RoomsQuery) (room.RoomPage, error) {
	return ended[room.RoomPage](ctx)
}

func (s *stuck) Room(ctx context.Context, _ uuid.UUID, _ *room.Access) ([]byte, error) {
	return ended[[]byte](ctx)
}

func (s *stuck) Pins(ctx context.Context, _ room.PinsQuery) (room.Page, error) {
	return ended[room.Page](ctx)
}

func (s *stuck) Reactors(ctx context.Context, _ uuid.UUID, _ room.ReactorsQuery) (room.ReactorPage, error) {
	return ended[room.ReactorPage](ctx)
}

func (s *stuck) Message(ctx context.Context, _, _ uuid.UUID) (protocol.Message, error) {
	return ended[protocol.Message](ctx)
}

func (s *stuck) Reading(ctx context.Context, _, _ uuid.UUID) (room.Reading, error) {
	return ended[room.Reading](ctx)
}

func (s *stuck) ReadMarks(ctx context.Context, _ room.ReadMarksQuery) (room.ReadMarkPage, error) {
	return ended[room.ReadMarkPage](ctx)
}

func (s *stuck) Readers(ctx context.Context, _ uuid.UUID, _ room.ReadersQuery) (room.ReaderPage, error) {
	return ended[room.ReaderPage](ctx)
}

func (s *stuck) Members(ctx context.Context, _ room.MembersQuery) (room.MemberPage, error) {
	return ended[room.MemberPage](ctx)
}

// TestACallEndsInTimeWhateverTheDatabaseDoes: 10 s for all that a call reads.
func TestACallEndsInTimeWhateverTheDatabaseDoes(t *testing.T) {
	start(t, newChat(0)).ask(t, "GET", "/api/v1/chat/rooms/", "") // so that the library's own goroutine is in no bubble
	for _, entries := range []bool{false, true} {
		for _, call := range []struct{ method, path, body string }{
			{"GET", "rooms/", ""},
			{"GET", "rooms/ROOM/messages/", ""},
			{"GET", "rooms/ROOM/messages/?before=7", ""},
			{"GET", "rooms/ROOM/messages/?since=0", ""},
			{"GET", "rooms/ROOM/reads/", ""},
			{"GET", "rooms/ROOM/members/", ""},
			{"POST", "rooms/ROOM/read/", `{"seq":1}`},
			{"GET", "messages/ROOM/", ""},
			{"PATCH", "messages/ROOM/", `{"content":"x"}`},
			{"DELETE", "messages/ROOM/", ""},
			{"GET", "messages/ROOM/replies/", ""},
			{"GET", "rooms/ROOM/", ""},
			{"GET", "rooms/ROOM/pins/", ""},
			{"PUT", "messages/ROOM/reactions/x/", ""},
			{"DELETE", "messages/ROOM/reactions/x/", ""},
			{"GET", "messages/ROOM/reactions/", ""},
			{"GET", "messages/ROOM/readers/", ""},
			{"PUT", "messages/ROOM/pin/", ""},
			{"DELETE", "messages/ROOM/pin/", ""},
		} {
			t.Run(fmt.Sprintf("%s %s, entries %v", call.method, call.path, entries), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { mustEndInTime(t, entries, call.method, call.path, call.body) })
			})
		}
	}
	for _, call := range []struct{ method, path, body string }{
		{"GET", "rooms/ROOM/messages/?since=0&wait=60s", ""},
		{"POST", "messages/", `{"chat_room":"ROOM","content":"x"}`},
	} {
		t.Run(call.method+" "+call.path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { mustEndInTime(t, false, call.method, call.path, call.body) })
		})
	}
}

func mustEndInTime(t *testing.T, entries bool, method, path, body string) {
	chat := newChat(1)
	p := startPipes(t, &stuck{chat, entries}, func(*rest.Config) {})
	toPlace := strings.NewReplacer("ROOM", chat.place.ID.String())
	begun := time.Now()
	_, in := p.arrive(fmt.Sprintf("%s /api/v1/chat/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer amina\r\n%sContent-Length: %d\r\n\r\n%s",
		method, toPlace.Replace(path), jsonFields, len(toPlace.Replace(body)), toPlace.Replace(body)))
	if got := read(t, in); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("%s", got.Status)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
