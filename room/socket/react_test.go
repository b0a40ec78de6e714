package socket_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/socket"
)

// reactions is what frames tell of them.
type reactions []struct {
	Emoji string
	Count int
	By    []string
}

type summaryFrame struct {
	Type, Change string
	MessageID    string `json:"message_id"`
	ClientID     string `json:"client_id"`
	Set          struct{ Reactions reactions }
	Message      struct {
		ID        string
		IsEdited  bool `json:"is_edited"`
		Rev       int64
		Reactions reactions
	}
	Reactions map[string][]string
	Seq       int64
}

func (c *client) summary() (f summaryFrame) {
	c.t.Helper()
	text := c.text()
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		c.t.Fatal(text, err)
	}
	return f
}

// TestAReactionIsAckedAndItsSummaryTold: version 1 hears a change of the message that is no
// edit, version 2 a patch, and its ack.
func TestAReactionIsAckedAndItsSummaryTold(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "&v=2")
	bob.text() // own
	ada.send(`{"type":"chat_message","content":"hi"}`)
	id := ada.next().Message.ID
	bob.next()
	bob.send(fmt.Sprintf(`{"type":"react","message_id":%q,"emoji":"👍","on":true,"client_id":"c2"}`, id))
	edited := ada.summary()
	if m := edited.Message; edited.Type != "message_edited" || edited.Change != "summary" || edited.Seq != 2 || m.ID != id || m.IsEdited || m.Rev != 2 ||
		len(m.Reactions) != 1 || m.Reactions[0].Emoji != "👍" || m.Reactions[0].Count != 1 || !slices.Equal(m.Reactions[0].By, []string{persist.FleetUser(3).String()}) {
		t.Errorf("version 1 hears %+v", edited)
	}
	patch, ack := bob.summary(), bob.summary()
	if patch.Type != "message_patch" || patch.MessageID != id || patch.Seq != 2 || len(patch.Set.Reactions) != 1 || patch.Set.Reactions[0].Count != 1 {
		t.Errorf("version 2 hears %+v", patch)
	}
	if ack.Type != "ack" || ack.ClientID != "c2" {
		t.Errorf("got %+v for an ack", ack)
	}
	// The next one within the second is acked at once, and told later, with those that came with it.
	for n, emoji := range []string{"a", "b", "c"} {
		bob.send(fmt.Sprintf(`{"type":"react","message_id":%q,"emoji":%q,"on":true,"client_id":"c%d"}`, id, emoji, n))
	}
	for n := range 3 {
		if f := bob.summary(); f.Type != "ack" || f.ClientID != fmt.Sprint("c", n) {
			t.Errorf("got %+v for an ack", f)
		}
	}
	if f := ada.summary(); f.Seq != 3 || len(f.Message.Reactions) != 4 {
		t.Errorf("version 1 hears %+v", f)
	}
	bob.summary()
	for _, c := range []struct{ frame, code string }{
		{`{"type":"react","message_id":"` + id + `","emoji":"a b","on":true,"client_id":"x"}`, "invalid_emoji"},
		{`{"type":"react","message_id":"` + persist.FleetUser(0).String() + `","emoji":"a","on":true,"client_id":"x"}`, "not_found"},
		{`{"type":"react","message_id":"` + id + `","emoji":"a","client_id":"x"}`, "invalid_field"},
	} {
		bob.send(c.frame)
		if f := bob.next(); f.Code != c.code || f.ClientID != "x" {
			t.Errorf("%s: %+v", c.frame, f)
		}
	}
}

// TestOwnSaysWhichReactionsAreTheUsers: where the history does not, whether it comes from memory,
// from the store, or is what a client resumes with.
func TestOwnSaysWhichReactionsAreTheUsers(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	ada.send(`{"type":"chat_message","content":"hi"}`)
	id := ada.next().Message.ID
	bob.next()
	for n := range 5 {
		for _, c := range []*client{ada, bob} {
			c.send(fmt.Sprintf(`{"type":"react","message_id":%q,"emoji":"%c","on":true}`, id, 'a'+n))
		}
	}
	ada.send(fmt.Sprintf(`{"type":"react","message_id":%q,"emoji":"only","on":true}`, id))
	for last := (summaryFrame{}); len(last.Message.Reactions) != 6 || last.Message.Reactions[0].Count != 2 || last.Message.Reactions[4].Count != 2; {
		last = ada.summary()
	}
	for _, query := range []string{"&v=2", "&v=2", "&v=2&since=1", "&v=2&since=0"} {
		for user, want := range map[int]int{0: 6, 3: 5, 6: 0} {
			c, past := s.join(user, query)
			own := c.summary()
			if _, told := own.Reactions[id]; !told {
				t.Errorf("user %d, %s: %+v does not speak of the message", user, query, own)
			}
			if len(past.Messages) != 1 || own.Type != "own" || len(own.Reactions[id]) != want || slices.Contains(own.Reactions[id], "only") != (user == 0) {
				t.Errorf("user %d, %s: %+v after %+v", user, query, own, past)
			}
		}
	}
}

// forgetful is a store that cannot tell what users have chosen.
type forgetful struct{ room.Store }

func (forgetful) OwnReactions(context.Context, []room.OwnQuestion) ([]room.OwnReactions, error) {
	return nil, room.ErrStoreDown
}

// TestWhoIsNotToldOwnReactionsComesInAllTheSame: own leaves them out.
func TestWhoIsNotToldOwnReactionsComesInAllTheSame(t *testing.T) {
	t.Parallel()
	s := serveOn(t, socket.Config{}, func(s room.Store) room.Store { return forgetful{s} })
	ada, _ := s.join(0, "")
	ada.send(`{"type":"chat_message","content":"hi"}`)
	id := ada.next().Message.ID
	for n := range 9 {
		ada.send(fmt.Sprintf(`{"type":"react","message_id":%q,"emoji":"%c","on":true}`, id, 'a'+n))
	}
	for last := (summaryFrame{}); len(last.Message.Reactions) != 9; {
		last = ada.summary()
	}
	bob, past := s.join(3, "&v=2")
	own := bob.summary()
	if len(past.Messages) != 1 || own.Type != "own" || own.Reactions != nil {
		t.Errorf("%+v after %+v", own, past)
	}
	bob.send(`{"type":"ping"}`)
	if f := bob.next(); f.Type != "pong" {
		t.Errorf("%+v", f)
	}
}
