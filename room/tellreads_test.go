package room_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// readHearer is a listener that keeps what it is told of read marks.
type readHearer struct{ heard []*room.Notice }

func (*readHearer) Deliver(*room.Batch) room.Waker { return nil }
func (*readHearer) Rewound() room.Waker            { return nil }
func (l *readHearer) Notify(n *room.Notice) room.Waker {
	l.heard = append(l.heard, n)
	return nil
}

// said says what was heard since the last call.
func (l *readHearer) said() (text string) {
	for _, n := range l.heard {
		text += fmt.Sprintf("%d", len(n.Reads))
		if n.Missed {
			text += " missed"
		}
		for _, by := range n.Reads {
			text += fmt.Sprintf(" %d:%d:%v", by.User[15]-1, by.Seq, by.Via)
		}
		text += ";"
	}
	l.heard = nil
	return text
}

// otherNodes is a backplane that keeps what is published of read marks.
type otherNodes struct {
	silent
	said readHearer
}

func (o *otherNodes) PublishNotice(n *room.Notice) { o.said.Notify(n) }

// TestWhoHasReadFurtherIsTold: the listeners of this node and the other nodes, after the
// commit, with the connection by which it came; and nobody where the mark did not grow.
func TestWhoHasReadFurtherIsTold(t *testing.T) {
	nodes, l := &otherNodes{}, &readHearer{}
	marksOf(t, room.Config{}, nodes, func(t *testing.T, s *room.Service, store *marking) {
		s.Follow(roomA, 0, l)
		defer s.Unfollow(roomA, l)
		mark := func(seq int64, clientID string, via any) {
			op := readOp(0, seq)
			op.ClientID, op.Via = clientID, via
			if op.Answer = func(*room.Op) {}; clientID == "" {
				s.MarkRead(op)
			} else {
				s.Submit(op)
			}
		}
		for i, x := range []struct {
			seq  int64
			id   string
			via  any
			want string
		}{
			{4, "", "tablet", "1 0:4:tablet;"},
			{4, "c1", "phone", ""},
			{3, "", "phone", ""},
			{5, "c2", "phone", "1 0:5:phone;"},
			{0, "c3", "phone", ""},
			{6, "c4", nil, "1 0:6:<nil>;"},
		} {
			mark(x.seq, x.id, x.via)
			pass(2 * time.Second)
			if got, others := l.said(), nodes.said.said(); got != x.want || others != x.want {
				t.Errorf("mark %d: told %q, other nodes %q; want %q", i, got, others, x.want)
			}
		}
		mark(7, "", "tablet")
		mark(8, "", "phone")
		pass(2 * time.Second)
		if got := l.said(); got != "1 0:8:phone;" {
			t.Errorf("of two devices: %q", got)
		}
		store.setAway(true)
		mark(9, "", "tablet")
		pass(time.Second)
		if got := l.said(); got != "" {
			t.Errorf("told what is not stored: %q", got)
		}
	})
}

// TestMarksOfOtherNodesAreLeftOutWhileListenersDoNotKeepUp: the next ones say so.
func TestMarksOfOtherNodesAreLeftOutWhileListenersDoNotKeepUp(t *testing.T) {
	var congested atomic.Bool
	l := &readHearer{}
	marksOf(t, room.Config{Congested: congested.Load}, nil, func(t *testing.T, s *room.Service, _ *marking) {
		of := func(user int, seq int64) *room.Notice {
			return &room.Notice{Kind: protocol.KindRead, Room: roomA, Reads: []room.ReadBy{{User: markReader(user), Seq: seq}}}
		}
		congested.Store(true)
		s.AnnounceNotice(of(0, 1)) // nobody follows the room
		congested.Store(false)
		s.Follow(roomA, 0, l)
		s.AnnounceNotice(of(0, 2))
		congested.Store(true)
		s.AnnounceNotice(of(1, 3))
		s.AnnounceNotice(of(2, 3))
		congested.Store(false)
		s.AnnounceNotice(of(0, 4))
		s.AnnounceNotice(of(0, 5))
		if got := l.said(); got != "1 0:2:<nil>;1 missed 0:4:<nil>;1 0:5:<nil>;" || s.Stats().NoticesLeftOut != 3 {
			t.Errorf("told %q, %d left out", got, s.Stats().NoticesLeftOut)
		}
		s.Unfollow(roomA, l)
	})
}

// TestWhoHasReadInASmallRoom: all who ask at the same time share one look.
func TestWhoHasReadInASmallRoom(t *testing.T) {
	marksOf(t, room.Config{ReadsMembers: 100}, nil, func(t *testing.T, s *room.Service, store *marking) {
		store.few = []protocol.ReadMark{{User: markReader(0), Seq: 4}}
		ask := func(times int) (answers []room.FewReads) {
			store.mu.Lock() // so that all wait
			for range times {
				s.FewReads(roomA, nil, func(f room.FewReads, err error) {
					if err != nil {
						t.Error(err)
					}
					answers = append(answers, f)
				})
			}
			store.mu.Unlock()
			synctest.Wait()
			return answers
		}
		want := string(protocol.AppendReads(nil, roomA, store.few))
		if got := ask(1); len(got) != 1 || !got[0].Few || string(got[0].Frame) != want {
			t.Errorf("%+v", got)
		}
		looks := store.looks
		if got := ask(50); len(got) != 50 || store.looks-looks > 2 {
			t.Errorf("%d answers of %d looks", len(got), store.looks-looks)
		}
		store.many = true
		if got := ask(1); len(got) != 1 || got[0].Few || got[0].Frame != nil {
			t.Errorf("%+v", got)
		}
	})
	marksOf(t, room.Config{}, nil, func(t *testing.T, s *room.Service, store *marking) {
		s.FewReads(roomA, nil, func(f room.FewReads, err error) {
			if f.Few || err != nil || store.looks > 0 {
				t.Errorf("where it is off: %+v, %v", f, err)
			}
		})
	})
}
