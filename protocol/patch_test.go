package protocol

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// asPatch makes edits a kind that is told as a patch, for one test.
func asPatch(t *testing.T, p patched) {
	was := kinds[KindEdit]
	t.Cleanup(func() { kinds[KindEdit] = was })
	kinds[KindEdit].patched = p
}

func TestAPatchTellsWhatItChanges(t *testing.T) {
	const of = `{"type":"message_patch","chat_room_id":"0189f7e5-0000-7000-8000-00000000000b","message_id":"11111111-2222-4333-8444-5555555555aa","set":`
	pinned := &Extra{PinnedAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), PinnedBy: idC}
	summed := &Extra{Reactions: []Reaction{{Emoji: "👍", Count: 1, By: []uuid.UUID{idC}}, {Emoji: `"`, Count: 9}}, ReplyCount: 3}
	for _, c := range []struct {
		patched patched
		extra   *Extra
		prev    int64
		want    string
	}{
		{patchedPin, pinned, 8, `{"pinned_at":"2026-01-02T03:04:05.000006Z","pinned_by":"ffffffff-ffff-4fff-bfff-ffffffffffff"},"rev":9,"seq":9}`},
		{patchedPin, &Extra{PinnedAt: pinned.PinnedAt, ReplyCount: 3}, 8, `{"pinned_at":"2026-01-02T03:04:05.000006Z","pinned_by":null},"rev":9,"seq":9}`},
		{patchedPin, summed, 8, `{"pinned_at":null,"pinned_by":null},"rev":9,"seq":9}`},
		{patchedPin, nil, 5, `{"pinned_at":null,"pinned_by":null},"rev":9,"seq":9,"prev":5}`},
		{patchedSummary, summed, 8, `{"reactions":[{"emoji":"👍","count":1,"by":["ffffffff-ffff-4fff-bfff-ffffffffffff"]},{"emoji":"\"","count":9}],"reply_count":3},"rev":9,"seq":9}`},
		{patchedSummary, &Extra{ReplyCount: 1}, 8, `{"reactions":null,"reply_count":1},"rev":9,"seq":9}`},
		{patchedSummary, pinned, 8, `{"reactions":null,"reply_count":null},"rev":9,"seq":9}`},
		{patchedSummary, nil, 8, `{"reactions":null,"reply_count":null},"rev":9,"seq":9}`},
	} {
		asPatch(t, c.patched)
		m := sampleMessage()
		m.Extra = c.extra
		got := string(AppendPatch([]byte("x"), KindEdit, &m, 9, c.prev))
		if got != "x"+of+c.want || !json.Valid([]byte(got[1:])) {
			t.Errorf("got  %s\nwant x%s", got, of+c.want)
		}
	}
	m := sampleMessage()
	for _, k := range []Kind{KindMessage, KindTyping, KindRead, 0, 200} {
		if got := AppendPatch(nil, k, &m, 9, 8); got != nil {
			t.Errorf("%v is told as %s", k, got)
		}
	}
}

// TestChangesAreToldAsClientsKnowThem: each change of a message as one of the four, and what
// version 2 is told as a patch, version 1 is told with the whole message.
func TestChangesAreToldAsClientsKnowThem(t *testing.T) {
	for i := range kinds {
		k := Kind(i)
		switch row := k.row(); {
		case row.change == "" && row.patched == whole:
		case row.class != Event || row.told != "message_edited":
			t.Errorf("%v is no change of a message", k)
		case !strings.Contains(" content deleted pin summary ", " "+row.change+" "):
			t.Errorf("%v is told as the change %q", k, row.change)
		case row.requotes && row.patched != whole:
			t.Errorf("%v changes quotes, and is told as a patch", k)
		}
	}
}
