package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
)

// TestAMentionIsToldAndCountedOnBothNodes: M says whom it mentions to clients of both versions, live
// and in what they read later; the list of rooms counts it on either node, until it is read or deleted.
func TestAMentionIsToldAndCountedOnBothNodes(t *testing.T) {
	besideOthers(t)
	nodes := withRedis(t, migrated.Postgres(t, pgserver.Shared(t)), 2, "--roles", "member=all", "--rate", "0")
	one, two := nodes[0], nodes[1]
	old, _ := one.join(0, 0)
	farOld, _ := two.join(2, 0)
	near, far := one.joinAs2(0, 0), two.joinAs2(2, 0)
	counted := func(who, want int) {
		t.Helper()
		for i, node := range nodes {
			if got := string(node.call(bearer(t, who), "GET", roomsPath, "").body); !strings.Contains(got, fmt.Sprintf(`"mentions":%d,`, want)) {
				t.Errorf("user %d, node %d: want %d mentions: %s", who, i, want, got)
			}
		}
	}
	jonas := persist.FleetUser(2).String()
	ids := map[string]string{}
	for i, c := range []struct {
		mentions string
		by       *member
	}{{`"mentions":["` + jonas + `"]`, near}, {`"mentions_all":true`, old}} {
		c.by.send(`{"type":"chat_message","content":"look",` + c.mentions + `}`)
		for _, m := range []*member{old, farOld, near, far} {
			if text := m.text(); !strings.HasPrefix(text, `{"type":"chat_message",`) || !strings.Contains(text, ","+c.mentions) || !strings.HasSuffix(text, fmt.Sprintf(`"seq":%d}`, i+1)) {
				t.Fatalf("told as %s", text)
			}
		}
		var last page
		two.call(bearer(t, 2), "GET", roomsPath+persist.FleetTrip(0).String()+"/messages/?limit=1", "").into(t, 200, &last)
		ids[c.mentions] = last.Results[0].ID
		counted(2, i+1)
	}
	for _, node := range nodes {
		if got := string(node.call(bearer(t, 4), "GET", roomsPath+persist.FleetTrip(0).String()+"/messages/?since=0", "").body); strings.Count(got, `"mentions`) != 2 {
			t.Errorf("read later: %s", got)
		}
	}
	counted(4, 1)
	counted(0, 0) // their own
	near.send(`{"type":"delete_message","message_id":"` + ids[`"mentions_all":true`] + `"}`)
	for _, m := range []*member{old, farOld, near, far} {
		if text := m.text(); !strings.HasPrefix(text, `{"type":"message_edited","change":"deleted",`) || strings.Contains(text, "mentions") {
			t.Fatalf("deleted: told as %s", text)
		}
	}
	counted(2, 1)
	counted(4, 0)
	far.send(`{"type":"mark_read","seq":3,"client_id":"r"}`)
	if text := far.text(); !strings.HasPrefix(text, `{"type":"ack",`) {
		t.Fatal(text)
	}
	counted(2, 0)
}
