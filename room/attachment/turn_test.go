package attachment

import (
	"testing"

	"github.com/google/uuid"
)

// TestNobodyGivesWayToATurnThatHasCome: the wait was over at the moment when another upload was to
// end for it.
func TestNobodyGivesWayToATurnThatHasCome(t *testing.T) {
	var s slots
	var ended int
	take := func(user byte) *turn {
		one := &turn{user: uuid.UUID{user}, giveUp: func() { ended++ }, come: make(chan struct{})}
		if err := s.take(one); err != nil {
			t.Fatal(err)
		}
		return one
	}
	first := take(1)
	for i := range UploadsMax - 1 {
		take(byte(2 + i%2))
	}
	waits, next := take(4), take(5)
	s.give(first)
	<-waits.come
	if s.makeRoom(waits); ended != 0 {
		t.Errorf("%d ended for who has a turn", ended)
	}
	if s.makeRoom(next); ended != 1 {
		t.Errorf("%d ended for who waits", ended)
	}
}
