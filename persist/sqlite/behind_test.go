package sqlite

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// TestNumbersBehindTheMessages: somebody set a room's last_seq back, which is
// nobody's fault, so nobody is told that the message itself is wrong.
func TestNumbersBehindTheMessages(t *testing.T) {
	s := newSender(t)
	if err := s.say(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.Exec("UPDATE chat_rooms SET last_seq = 0"); err != nil {
		t.Fatal(err)
	}
	op := &room.Op{
		Intent: protocol.Intent{Kind: protocol.KindMessage, MessageID: uuid.Must(uuid.NewV7()), Content: "two", Type: protocol.TypeText},
		Room:   s.access.Room.ID, Trip: s.access.Room.TripID, Sender: s.access.User, At: time.Now().UTC().Truncate(time.Microsecond),
	}
	if err := s.Append(t.Context(), []*room.Op{op}, room.Within{}); err != nil || op.Err != protocol.ErrUnavailable {
		t.Errorf("outcome %d, %v, %v", op.Outcome, op.Err, err)
	}
}
