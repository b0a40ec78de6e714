package room

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// OwnQuestion asks which emoji a user has chosen for messages.
type OwnQuestion struct {
	User     uuid.UUID
	Messages []uuid.UUID
}

// OwnReactions are the emoji that a user has chosen, as they are shown, by message: those
// messages only for which there are some.
type OwnReactions map[uuid.UUID][]string

// Reactor is who has chosen an emoji for a message, and when.
type Reactor struct {
	User  protocol.User
	Emoji string // as it is shown
	Key   string // protocol.EmojiKey of it
	At    time.Time
}

// ReactorsQuery asks for a page of those who have reacted to a message, by their ids.
type ReactorsQuery struct {
	Message uuid.UUID
	Emoji   string // a key: those who have chosen that one; empty: any
	After   ReactorCursor
	Limit   int
}

// ReactorCursor is the place of a Reactor in the list; the zero value comes before the first.
type ReactorCursor struct {
	User uuid.UUID
	Key  string
}

// Cursor is the place after which the list goes on behind r.
func (r *Reactor) Cursor() ReactorCursor { return ReactorCursor{r.User.ID, r.Key} }

// ReactorPage is a stretch of the list.
type ReactorPage struct {
	Reactors []Reactor
	HasMore  bool // after the last
}

// namelessKey is a question of a client for what a history does not say of its own.
type namelessKey struct {
	user uuid.UUID
	of   *History
}

// OwnReactions says what the user has chosen for the messages of History.Nameless, in one look
// with others who ask. left and done are as those of History. Its error wraps ErrUnavailable.
func (s *Service) OwnReactions(user uuid.UUID, of *History, left func() bool, done func(OwnReactions, error)) {
	s.nameless.do(namelessKey{user, of}, asker[OwnReactions]{left: left, done: done})
}

func (s *Service) readNameless(ctx context.Context, keys []namelessKey) ([]OwnReactions, error) {
	questions := make([]OwnQuestion, len(keys))
	for i, k := range keys {
		questions[i] = OwnQuestion{k.user, k.of.Nameless}
	}
	answers, err := s.store.OwnReactions(ctx, questions)
	if err != nil {
		return nil, err
	}
	for i, q := range questions {
		answers[i] = answers[i].ofAll(q.Messages)
	}
	return answers, nil
}

// ofAll also has the messages for which the user has chosen none: a client may remember some.
func (o OwnReactions) ofAll(messages []uuid.UUID) OwnReactions {
	all := make(OwnReactions, len(messages))
	for _, id := range messages {
		all[id] = o[id]
	}
	return all
}
