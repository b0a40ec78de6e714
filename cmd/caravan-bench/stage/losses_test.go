package stage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/protocol"
)

// TestWhatAFailOverLostHasTheTimeThatMembersWereTold: an edit that was accepted before one that was stored
// before it leaves the time of the message as it is.
func TestWhatAFailOverLostHasTheTimeThatMembersWereTold(t *testing.T) {
	server := pgserver.Start(t)
	const m = "'00000000-0000-0000-0000-000000000001'"
	_, err := server.Exec("postgres", fmt.Sprintf(`
		CREATE TABLE chat_rooms (id uuid, trip_id uuid, last_seq bigint);
		CREATE TABLE chat_messages (id uuid, chat_room_id uuid, seq bigint, created_at timestamptz);
		CREATE TABLE chat_events (id uuid, chat_room_id uuid, seq bigint, message_id uuid, at timestamptz, kind smallint);
		INSERT INTO chat_rooms VALUES (%[1]s, '%[2]s', 5);
		INSERT INTO chat_messages VALUES (%[1]s, %[1]s, 1, '2026-11-28T01:00:01Z');
		INSERT INTO chat_events VALUES
			(%[1]s, %[1]s, 2, %[1]s, '2026-11-28T01:00:09Z', %[4]d), (%[1]s, %[1]s, 3, %[1]s, '2026-11-28T01:00:05Z', %[3]d),
			(%[1]s, %[1]s, 4, %[1]s, '2026-11-28T01:00:03Z', %[3]d), (%[1]s, %[1]s, 5, %[1]s, '2026-11-28T01:00:02Z', %[4]d)`,
		m, fleet.Trip(0), protocol.KindEdit, protocol.KindPin))
	if err != nil {
		t.Fatal(err)
	}
	l := &losses{takeovers: &takeovers{stage: &Stage{trips: 1}, pair: &pair{postgres: &postgres{name: "postgres"}}}}
	told := map[int64]string{}
	if err := l.readLog(server, map[int]int64{0: 0}, func(r ledger.Record) { told[r.Seq] = strings.TrimPrefix(r.Updated, "2026-11-28T01:00:") }); err != nil {
		t.Fatal(err)
	}
	for seq, want := range map[int64]string{1: "01Z", 2: "09Z", 3: "05Z", 4: "05Z", 5: "02Z"} {
		if told[seq] != want {
			t.Errorf("event %d: %q, want %q", seq, told[seq], want)
		}
	}
}
