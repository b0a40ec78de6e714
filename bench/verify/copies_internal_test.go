package verify

import "testing"

// TestAnAnswerOlderThanAPatchIsNotKept: the patch was of a message that the member did not have
// yet, as the answer with it was on its way.
func TestAnAnswerOlderThanAPatchIsNotKept(t *testing.T) {
	var c copies
	if m, err := c.patch(&frame{MessageID: "a", Rev: 7}); m != nil || err != nil {
		t.Fatalf("%+v, %v", m, err)
	}
	c.merge(&message{ID: "a", Rev: 5})
	if m := c.byID["a"]; m != nil {
		t.Errorf("it has %+v", m)
	}
	c.merge(&message{ID: "a", Rev: 7})
	if m := c.byID["a"]; m == nil || m.Rev != 7 {
		t.Errorf("it has %+v", m)
	}
}
