package protocol

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// keptNumbers are the kinds by their numbers, which are stored and sent to other nodes:
// no row may ever change.
var keptNumbers = map[uint8]struct {
	asked string
	class Class
	since uint8
}{
	1: {"chat_message", Event, 1},
	2: {"edit_message", Event, 1},
	3: {"typing", Notice, 1},
	4: {"ping", Control, 1},
	5: {"mark_read", Mark, 2},
	6: {"delete_message", Event, 3},
	7: {"react", Mark, 3},
	8: {"pin_message", Event, 3},
	9: {"", Event, 3},

	10: {"watch", Control, 4},
	11: {"subscribe", Control, 4},
	12: {"unsubscribe", Control, 4},
	13: {"auth", Control, 4},

	14: {"", Notice, 5},
}

func TestKindsKeepTheirNumbers(t *testing.T) {
	for i := range kinds[1:] {
		k := Kind(i + 1)
		if is, kept := kinds[k], keptNumbers[uint8(k)]; is.asked != kept.asked || is.class != kept.class || is.since != kept.since {
			t.Errorf("%d is %+v, and was kept as %+v", k, is, kept)
		}
	}
	if len(keptNumbers) != len(kinds)-1 {
		t.Errorf("%d numbers are kept, of %d kinds", len(keptNumbers), len(kinds)-1)
	}
}

// TestEveryKindHasItsPlace: each belongs to a class, and its frame's type asks for it
// alone and is decoded.
func TestEveryKindHasItsPlace(t *testing.T) {
	asked := make(map[string]Kind)
	for i := range kinds[1:] {
		k := Kind(i + 1)
		row := k.row()
		if row.class < Event || row.class > Control || row.since < 1 || row.since > LogVersion {
			t.Errorf("%v: class %d, since %d", k, row.class, row.since)
		}
		if row.class == Event && row.told == "" {
			t.Errorf("%v: nobody is told", k)
		}
		if row.asked == "" {
			continue
		}
		if other, twice := asked[row.asked]; twice {
			t.Errorf("%q asks for %v and %v", row.asked, other, k)
		}
		asked[row.asked] = k
		if got := askedKind([]byte(row.asked)); got != k || k.String() != row.asked {
			t.Errorf("%q asks for %v, which is called %v", row.asked, got, k)
		}
		var in Intent
		if refused := decodeIntent([]byte(`{"type":"`+row.asked+`"}`), &in, &rulesOf10); refused == ErrUnknownType || in.Kind != k {
			t.Errorf("%v is decoded as %v: %v", k, in.Kind, refused)
		}
		if row.class == Notice {
			frame := string(AppendNotice(nil, uuid.Nil, &User{}, &Intent{Kind: k}))
			if !strings.HasPrefix(frame, `{"type":"`+row.told+`","chat_room_id":"`+uuid.Nil.String()+`","user_id":`) || !json.Valid([]byte(frame)) {
				t.Errorf("%v is told as %s", k, frame)
			}
		}
	}
}

// TestAKindOfALaterReleaseIsToldAsAChange: clients of today know what to do with the
// whole message.
func TestAKindOfALaterReleaseIsToldAsAChange(t *testing.T) {
	for _, k := range []Kind{Kind(len(kinds)), 200, 255} {
		if got, want := string(AppendEvent(nil, k, []byte(`{"n":1}`), 5, 4, Live)), `{"type":"message_edited","message":{"n":1},"seq":5}`; got != want {
			t.Errorf("%d is told as %s", k, got)
		}
		if k.Class() != 0 || k.Since() != 0 || !k.Requotes() || k.String() == "" {
			t.Errorf("%d: class %d, since %d, requotes %v, %q", k, k.Class(), k.Since(), k.Requotes(), k)
		}
	}
}
