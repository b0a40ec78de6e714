package room_test

import (
	"context"
	"testing"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// concluding is a store whose ops come to be what the test says, by their content.
type concluding struct {
	*memory
	conclude map[string]func(*room.Op)
}

func (c concluding) Append(ctx context.Context, batch []*room.Op, within room.Within) error {
	for _, op := range batch {
		if as := c.conclude[op.Content]; as != nil {
			as(op)
			continue
		}
		if err := c.memory.Append(ctx, []*room.Op{op}, within); err != nil {
			return err
		}
	}
	return nil
}

// TestAnOpNeedNotHaveAMessageOrANumber: what is stored may be about no message, or take
// no number of the room. It is answered, and what comes after it is told.
func TestAnOpNeedNotHaveAMessageOrANumber(t *testing.T) {
	for name, as := range map[string]func(*room.Op){
		"stored, neither": func(op *room.Op) { op.Outcome = room.Stored },
		"stored, no number": func(op *room.Op) {
			op.Outcome, op.Message = room.Stored, &protocol.Message{ID: op.Row, RoomID: op.Room}
		},
		"known, neither": func(op *room.Op) { op.Outcome = room.Duplicate },
		"known, of no number": func(op *room.Op) {
			op.Outcome, op.Message = room.Duplicate, &protocol.Message{ID: op.Row, RoomID: op.Room}
		},
		"known, not a message": func(op *room.Op) { op.Outcome, op.Seq = room.Duplicate, 1 },
	} {
		t.Run(name, func(t *testing.T) {
			store := concluding{newMemory(), map[string]func(*room.Op){"odd": as}}
			s := room.New(store, nil, silent{}, room.Config{Lanes: 1})
			t.Cleanup(s.Close)
			l := &hearer{}
			s.Follow(roomA, 0, l)
			for i, content := range []string{"first", "odd", "last"} {
				op := messageTo(roomA, content)
				if err := s.Do(t.Context(), op); err != nil || op.Outcome == room.Pending || op.Outcome == room.Refused {
					t.Fatalf("op %d: outcome %d, %v, %v", i, op.Outcome, op.Err, err)
				}
			}
			if events := l.hears(t, 2); len(events) != 2 || events[1].Seq != 2 || s.Stats().Panics != 0 {
				t.Errorf("%d events were told; %d panics", len(events), s.Stats().Panics)
			}
		})
	}
}

// TestANumberNeedNotBeAMessages: its room goes on behind it.
func TestANumberNeedNotBeAMessages(t *testing.T) {
	m := newMemory()
	store := concluding{m, map[string]func(*room.Op){"odd": func(op *room.Op) {
		m.mu.Lock()
		defer m.mu.Unlock()
		op.Outcome, op.Seq = room.Stored, int64(len(m.logs[op.Room])+1)
		m.logs[op.Room] = append(m.logs[op.Room], room.LogEntry{Seq: op.Seq, Row: op.Row})
	}}}
	s := room.New(store, nil, nil, room.Config{Lanes: 1})
	t.Cleanup(s.Close)
	l := &hearer{}
	s.Follow(roomA, 0, l)
	for _, content := range []string{"first", "odd", "last"} {
		if err := s.Do(t.Context(), messageTo(roomA, content)); err != nil {
			t.Fatal(err)
		}
	}
	if events := l.hears(t, 2); len(events) != 2 || events[1].Seq != 3 || events[1].Prev != 1 && events[1].Prev != 2 || s.Stats().Panics != 0 {
		t.Errorf("%d events were told, the last: %+v; %d panics", len(events), events[len(events)-1], s.Stats().Panics)
	}
}
