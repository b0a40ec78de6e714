package verify

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
)

// reactREST makes one attempt to set or clear a reaction over REST.
func (m *member) reactREST(ctx context.Context, o *op) {
	var answer struct {
		Mine []string `json:"my_reactions"`
	}
	node := m.node()
	target := messagePath(o.about) + "reactions/" + url.PathEscape(o.content) + "/"
	err := m.crew.rest.call(ctx, m.crew.nodes[node], m.bearer, putOrDelete(o.on), target, nil, &answer)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.failedREST(ctx, o, node, err)
		return
	}
	m.note(ledger.Record{Kind: ledger.Granted, Op: o.name, Node: node + 1, Way: ledger.WayREST, Mine: answer.Mine})
	o.over(nil)
	m.done(o)
}

// list asks for a list of the room, or of the message that the member heard of last.
func (m *member) list() {
	m.mu.Lock()
	about, which := m.heard, m.rng.IntN(3)
	m.mu.Unlock()
	note := func(r ledger.Record) {
		r.About, r.Kind = about, ledger.Seen
		m.note(r)
	}
	ctx := m.crew.living
	switch { // whoever gets no answer asks another time
	case m.crew.cfg.spares("pin_message"):
	case which == 0:
		_ = m.pins(ctx, note)
	case about == "":
	case which == 1:
		_ = m.replies(ctx, about, note)
	case !m.crew.cfg.spares("react"):
		_ = m.who(ctx, about, func(r ledger.Record) {
			r.Kind, r.Message = ledger.Chosen, about
			m.note(r)
		})
	}
}

// pins reads the pinned messages of the member's room.
func (m *member) pins(ctx context.Context, note func(ledger.Record)) error {
	return follow(ctx, m, "/api/v1/chat/rooms/"+fleet.Trip(m.room).String()+"/pins/", func(msg *message) {
		r := msg.record("")
		r.Way = ledger.WayPins
		note(r)
	})
}

// replies reads what answers a message, the oldest answers first.
func (m *member) replies(ctx context.Context, about string, note func(ledger.Record)) error {
	return follow(ctx, m, messagePath(about)+"replies/?after=0&limit="+strconv.Itoa(pageMessages), func(msg *message) {
		r := msg.record("")
		r.Way = ledger.WayReplies
		note(r)
	})
}

// who reads who has reacted to a message, and how.
func (m *member) who(ctx context.Context, about string, note func(ledger.Record)) error {
	type choice struct {
		User  person `json:"user"`
		Emoji string `json:"emoji"`
	}
	return follow(ctx, m, messagePath(about)+"reactions/?limit="+strconv.Itoa(pageMessages), func(c *choice) {
		note(ledger.Record{Way: ledger.WayWho, Sender: c.User.ID, Content: c.Emoji})
	})
}

// follow reads a list, page by page.
func follow[T any](ctx context.Context, m *member, target string, take func(*T)) error {
	return followAt(ctx, m, anyNode, target, take)
}

// anyNode is whichever server the member would go to.
const anyNode = -1

// followAt is follow on one server.
func followAt[T any](ctx context.Context, m *member, node int, target string, take func(*T)) error {
	for target != "" {
		at := node
		if at == anyNode {
			at = m.node()
		}
		var page struct {
			Results []T     `json:"results"`
			Next    *string `json:"next"`
		}
		ctx, cancel := context.WithTimeout(ctx, readTimeout)
		err := m.crew.rest.call(ctx, m.crew.nodes[at], m.bearer, http.MethodGet, target, nil, &page)
		cancel()
		if err != nil {
			return err
		}
		for i := range page.Results {
			take(&page.Results[i])
		}
		if target = ""; page.Next != nil {
			next, err := url.Parse(*page.Next)
			if err != nil {
				return err
			}
			target = next.RequestURI()
		}
	}
	return nil
}

// listsMax is of how many messages of a room the lists are read in the end.
const listsMax = 40

// readLists reads the lists of a room in the end: what is pinned, and of some messages who has
// reacted and what answers them.
func (m *member) readLists(ctx context.Context, reacted, answered []string) error {
	if m.crew.cfg.spares("pin_message") {
		return nil
	}
	if err := m.readList(ctx, ledger.Record{Way: ledger.WayPins}, m.pins); err != nil {
		return err
	}
	for _, id := range last(answered, listsMax) {
		err := m.readList(ctx, ledger.Record{Way: ledger.WayReplies, About: id}, func(ctx context.Context, note func(ledger.Record)) error {
			return m.replies(ctx, id, note)
		})
		if err != nil {
			return err
		}
	}
	if m.crew.cfg.spares("react") {
		return nil
	}
	for _, id := range last(reacted, listsMax) {
		err := m.readList(ctx, ledger.Record{Way: ledger.WayWho, About: id}, func(ctx context.Context, note func(ledger.Record)) error {
			return m.who(ctx, id, note)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readList notes a list whole.
func (m *member) readList(ctx context.Context, of ledger.Record, read func(context.Context, func(ledger.Record)) error) error {
	rows, err := retry(ctx, func() (rows []ledger.Record, err error) {
		err = read(ctx, func(r ledger.Record) { rows = append(rows, r) })
		return rows, err
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", of.Way, of.About, err)
	}
	for _, r := range rows {
		r.Kind = ledger.Row
		m.note(r)
	}
	of.Kind = ledger.Listed
	m.note(of)
	return nil
}

func last[T any](all []T, n int) []T { return all[max(0, len(all)-n):] }
