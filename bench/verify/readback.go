package verify

import (
	"context"
	"errors"
	"strconv"

	"github.com/caravan-chat/caravan/bench/ledger"
)

// readBack reads every room, both ways, and notes where it stands.
func (cr *crew) readBack(ctx context.Context) error {
	for room := range cr.cfg.Rooms {
		m := cr.members[room]
		if err := m.readSince(ctx, cr.book.base(room)); err != nil {
			return err
		}
		if err := m.readAfter(ctx, cr.book.base(room)); err != nil {
			return err
		}
	}
	if err := cr.readMarks(ctx); err != nil {
		return err
	}
	if err := cr.readTables(ctx); err != nil {
		return err
	}
	return cr.readFiles(ctx)
}

func (m *member) readSince(ctx context.Context, since int64) error {
	for {
		p, err := retry(ctx, func() (page, error) {
			return m.messages(ctx, "since="+strconv.FormatInt(since, 10)+"&limit="+strconv.Itoa(pageMessages))
		})
		if err != nil {
			return err
		}
		m.noteRead(ledger.WaySince, p.Results)
		if !p.HasMore {
			m.crew.book.note(ledger.Record{Kind: ledger.End, Room: m.room, Seq: p.Seq})
			return nil
		}
		if p.Seq <= since {
			return errors.New("a page with more to come leads nowhere")
		}
		since = p.Seq
	}
}

// readAfter reads all messages, and then their lists.
func (m *member) readAfter(ctx context.Context, after int64) error {
	var reacted, answered []string
	var own []ledger.Record
	for {
		p, err := retry(ctx, func() (page, error) {
			return m.messages(ctx, "after="+strconv.FormatInt(after, 10)+"&limit="+strconv.Itoa(pageMessages))
		})
		if err != nil {
			return err
		}
		m.noteRead(ledger.WayAfter, p.Results)
		for i := range p.Results {
			msg := &p.Results[i]
			if msg.Reactions != nil {
				reacted = append(reacted, msg.ID)
			}
			if msg.ReplyCount > 0 {
				answered = append(answered, msg.ID)
			}
			for _, emoji := range msg.Mine {
				own = append(own, ledger.Record{Message: msg.ID, Sender: m.userID, Content: emoji})
			}
		}
		if len(p.Results) == 0 || p.Next == nil {
			break
		}
		end := p.Results[len(p.Results)-1].Seq
		if end <= after {
			return errors.New("a page with another one after it leads nowhere")
		}
		after = end
	}
	if !m.crew.cfg.spares("react") {
		for _, r := range own {
			r.Kind, r.Way = ledger.Row, ledger.WayMine
			m.note(r)
		}
		m.note(ledger.Record{Kind: ledger.Listed, Way: ledger.WayMine, Sender: m.userID})
	}
	return m.readLists(ctx, reacted, answered)
}

func (m *member) noteRead(way string, messages []message) {
	for i := range messages {
		r := messages[i].record(ledger.Read)
		r.Way = way
		m.note(r)
	}
}
