package protocol

import (
	"strings"
	"testing"
)

// TestEveryKindHasItsPlace: each belongs to a class, has a number that stays, and its
// frame's type asks for it alone.
func TestEveryKindHasItsPlace(t *testing.T) {
	// The numbers of events are stored and sent to other nodes.
	for kind, number := range map[Kind]uint8{KindMessage: 1, KindEdit: 2} {
		if uint8(kind) != number || kind.Class() != Event || kind.Since() != 1 {
			t.Errorf("kind %v: number %d, class %d, since %d", kind, kind, kind.Class(), kind.Since())
		}
	}
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
		if row.class == Notice {
			frame := string(AppendNotice(nil, &User{}, &Intent{Kind: k}))
			if !strings.HasPrefix(frame, `{"type":"`+row.told+`",`) {
				t.Errorf("%v is told as %s", k, frame)
			}
		}
	}
}

// TestAKindOfALaterReleaseIsToldAsAChange: clients of today know what to do with the
// whole message.
func TestAKindOfALaterReleaseIsToldAsAChange(t *testing.T) {
	for _, k := range []Kind{Kind(len(kinds)), 200, 255} {
		if got, want := string(AppendEvent(nil, k, []byte(`{"n":1}`), 5, 4, false)), `{"type":"message_edited","message":{"n":1},"seq":5}`; got != want {
			t.Errorf("%d is told as %s", k, got)
		}
		if k.Class() != 0 || k.Since() != 0 || !k.Requotes() || k.String() == "" {
			t.Errorf("%d: class %d, since %d, requotes %v, %q", k, k.Class(), k.Since(), k.Requotes(), k)
		}
	}
}
