package persist_test

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// A store looks up what NewLookup asks for, under the locks of the rooms, and writes
// the plan that Settle makes of it.
func ExampleSettle() {
	place, trip, ann := uuid.UUID{1}, uuid.UUID{5}, protocol.User{ID: uuid.UUID{2}}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	send := &room.Op{
		Intent: protocol.Intent{Kind: protocol.KindMessage, MessageID: uuid.UUID{3}, Content: "north gate", Type: protocol.TypeText, ClientID: "a1"},
		Room:   place, Trip: trip, Sender: ann, Row: uuid.UUID{3}, At: at,
	}
	again := *send // sent twice, as after a lost connection
	edit := &room.Op{
		Intent: protocol.Intent{Kind: protocol.KindEdit, MessageID: uuid.UUID{3}, Content: "south gate"},
		Room:   place, Trip: trip, Sender: ann, Row: uuid.UUID{4}, At: at,
	}
	batch := []*room.Op{send, &again, edit}

	lookup := persist.NewLookup(batch)
	found := persist.NewFound(lookup)
	found.Rooms[place] = persist.Room{Seq: 41, Trip: trip}
	found.Senders[persist.Sender{Trip: trip, User: ann.ID}] = struct{}{}

	plan := persist.Settle(batch, lookup, found)
	m := plan.Inserts[0]
	fmt.Printf("one row: %q, made by event %d, changed by %d\n", m.Content, m.Seq, m.Rev)
	fmt.Printf("one change: event %d, %v\n", plan.Changes[0].Seq, plan.Changes[0].Kind)
	fmt.Printf("the room stands at %d\n", plan.Heads[0].Seq)

	plan.Conclude() // after the commit
	fmt.Println(send.Outcome == room.Stored, again.Outcome == room.Duplicate, edit.Outcome == room.Stored)
	// Output:
	// one row: "south gate", made by event 42, changed by 43
	// one change: event 43, edit_message
	// the room stands at 43
	// true true true
}
