package postgres

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestPoisonThatOnlyTheDatabaseKnows has an application's own rules refuse some
// rows: those ops are refused alone, and the others keep their order.
func TestPoisonThatOnlyTheDatabaseKnows(t *testing.T) {
	t.Parallel()
	for _, rule := range []struct{ name, sql string }{
		{"check constraint", `ALTER TABLE chat_messages ADD CHECK (content NOT LIKE 'poison%')`},
		{"unique index", `CREATE UNIQUE INDEX ON chat_messages ((1)) WHERE content LIKE 'poison%';
			INSERT INTO chat_messages (id, chat_room_id, sender_id, content, seq, rev) VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'poison', 1, 1)`},
		{"narrow column", `ALTER TABLE chat_messages ALTER COLUMN content TYPE varchar(20)`},
		{"deferred rule", `CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				IF NEW.content LIKE 'poison%' THEN RAISE EXCEPTION 'poison' USING ERRCODE = '23514'; END IF;
				RETURN NULL;
			END $$;
			CREATE CONSTRAINT TRIGGER judge AFTER INSERT OR UPDATE ON chat_messages DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW EXECUTE FUNCTION judge()`},
	} {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 2)
			f.exec(rule.sql)
			target := f.send(0, "target")
			f.mustAppend(target)

			const poison = "poison, and longer than it may be"
			var batch []*room.Op
			bad := map[int]bool{0: true, 13: true, 14: true, 31: true, 60: true, 99: true}
			for i := range 100 {
				op := f.send(i%2, fmt.Sprint("good ", i))
				if bad[i] {
					op.Content = poison
				}
				batch = append(batch, op)
			}
			batch[31].Kind, batch[31].MessageID, batch[31].Row = protocol.KindEdit, target.MessageID, uuid.New()
			batch[31].Room, batch[31].Trip = target.Room, target.Trip
			// What rests on a poisonous op falls with it.
			batch[61].Room, batch[61].Trip, batch[61].ReplyTo = batch[60].Room, batch[60].Trip, batch[60].MessageID
			f.mustAppend(batch...)

			next := map[uuid.UUID]int64{f.rooms[0]: 1}
			for i, op := range batch {
				switch {
				case bad[i]:
					if op.Outcome != room.Refused || op.Err.Code != protocol.CodeInvalidContent {
						t.Fatalf("poison %d: outcome %d, %v", i, op.Outcome, op.Err)
					}
				case i == 61:
					if op.Outcome != room.Refused || op.Err.Code != protocol.CodeInvalidReply {
						t.Fatalf("reply to poison: outcome %d, %v", op.Outcome, op.Err)
					}
				default:
					next[op.Room]++
					if op.Outcome != room.Stored || op.Message.Seq != next[op.Room] {
						t.Fatalf("good %d: outcome %d (%v), %+v, want seq %d", i, op.Outcome, op.Err, op.Message, next[op.Room])
					}
				}
			}
			f.mustStand(0, next[f.rooms[0]])
			f.mustStand(1, next[f.rooms[1]])
		})
	}
}
