package room_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/room"
)

// unreadable is a store on a second primary, of which the row cannot be read that a room's last number
// belongs to, nor perhaps that number.
type unreadable struct {
	*memory
	timeline atomic.Uint32
	number   bool // can be read
	polls    atomic.Int64
}

func (u *unreadable) Timeline() room.Timeline { return room.Timeline(u.timeline.Load()) }

func (u *unreadable) Heads(context.Context, []uuid.UUID) ([]room.Head, error) {
	u.polls.Add(1)
	return nil, room.ErrUnreadable
}

func (u *unreadable) Head(ctx context.Context, id uuid.UUID) (int64, bool, error) {
	if !u.number {
		return 0, false, room.ErrUnreadable
	}
	return u.memory.Head(ctx, id)
}

// TestARowThatCannotBeReadIsAskedForAtThePaceOfThePoll: also after another primary has taken
// over. The room's number alone will do, where it can be read.
func TestARowThatCannotBeReadIsAskedForAtThePaceOfThePoll(t *testing.T) {
	for _, number := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			u := &unreadable{memory: newMemory(), number: number}
			s := room.New(u, believing{}, nil, room.Config{})
			defer s.Close()
			l := &hearer{}
			s.Follow(roomA, 0, l)
			defer s.Unfollow(roomA, l)
			u.timeline.Store(2)
			if err := u.Append(t.Context(), []*room.Op{messageTo(roomA, "of another node")}, room.Within{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if n := u.polls.Load(); n < 10 || n > 15 {
				t.Errorf("asked %d times in a minute", n)
			}
			if told := len(l.events) > 0; told != number {
				t.Errorf("the number can be read: %v; told: %v", number, told)
			}
		})
	}
}
