package room

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// setOwn gives messages that a user is shown, and nobody else, the emoji that the user has
// chosen for them. Only of those whose reactions do not say who they are from the store is asked,
// in one look.
func (s *Service) setOwn(ctx context.Context, user uuid.UUID, messages []*protocol.Message) error {
	question := OwnQuestion{User: user}
	for _, m := range messages {
		if mine, known := m.ReactionsOf(user); known {
			setMine(m, mine)
		} else {
			question.Messages = append(question.Messages, m.ID)
		}
	}
	if len(question.Messages) == 0 {
		return nil
	}
	answer, err := s.store.MyReactions(ctx, question)
	if err != nil {
		return err
	}
	for _, m := range messages {
		setMine(m, answer[m.ID])
	}
	return nil
}

// setMine gives a message an Extra of its own where there is something to tell.
func setMine(m *protocol.Message, mine []string) {
	if len(mine) > 0 {
		m.WithExtra(func(e *protocol.Extra) { e.MyReactions = mine })
	}
}

// setOwnOfPage does it to a page that nobody else has.
func (s *Service) setOwnOfPage(ctx context.Context, user uuid.UUID, p *Page) error {
	all := make([]*protocol.Message, len(p.Messages))
	for i := range p.Messages {
		all[i] = &p.Messages[i]
	}
	return s.setOwn(ctx, user, all)
}

// withOwn returns a page that others may have, too, as REST shows it to a user.
func (s *Service) withOwn(ctx context.Context, user uuid.UUID, p Page) (Page, error) {
	if !slices.ContainsFunc(p.Messages, func(m protocol.Message) bool { return m.Reacted() }) {
		return p, nil
	}
	p.Messages, p.Bodies = slices.Clone(p.Messages), slices.Clone(p.Bodies)
	p, err := bulk(ctx, s.bulk, user, func(ctx context.Context) (Page, error) { return p, s.setOwnOfPage(ctx, user, &p) })
	if err != nil {
		return Page{}, err
	}
	for i := range p.Messages {
		if m := &p.Messages[i]; m.Reacted() && len(m.Extra.MyReactions) > 0 {
			p.Bodies[i] = encode(m)
		}
	}
	return p, nil
}

// Own returns a message as REST shows it to a user: with the emoji that they have chosen.
func (s *Service) Own(ctx context.Context, user uuid.UUID, m protocol.Message) (protocol.Message, error) {
	if !m.Reacted() {
		return m, nil
	}
	return bulk(ctx, s.bulk, user, func(ctx context.Context) (protocol.Message, error) {
		err := s.setOwn(ctx, user, []*protocol.Message{&m})
		return m, err
	})
}

// Reactions returns what reactions a message has, counted anew, and the emoji of the user's own.
func (s *Service) Reactions(ctx context.Context, user, message uuid.UUID) (all []protocol.Reaction, own []string, err error) {
	type answer struct {
		all []protocol.Reaction
		own []string
	}
	a, err := bulk(ctx, s.bulk, user, func(ctx context.Context) (a answer, err error) {
		if a.all, err = s.store.Reactions(ctx, message); err != nil {
			return a, err
		}
		own, err := s.store.MyReactions(ctx, OwnQuestion{User: user, Messages: []uuid.UUID{message}})
		a.own = own[message]
		return a, err
	})
	if err == nil {
		looked := 1
		for i := range a.all {
			looked += a.all[i].Count
		}
		s.charge(user, readCost(0, looked))
	}
	return a.all, a.own, err
}

// Reactors lists who has reacted to a message, for a user.
func (s *Service) Reactors(ctx context.Context, user uuid.UUID, q ReactorsQuery) (ReactorPage, error) {
	p, err := bulk(ctx, s.bulk, user, func(ctx context.Context) (ReactorPage, error) { return s.store.Reactors(ctx, q) })
	if err == nil {
		s.charge(user, readCost(0, 1+len(p.Reactors)))
	}
	return p, err
}
