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
	return nil
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

func (m *member) readAfter(ctx context.Context, after int64) error {
	for {
		p, err := retry(ctx, func() (page, error) {
			return m.messages(ctx, "after="+strconv.FormatInt(after, 10)+"&limit="+strconv.Itoa(pageMessages))
		})
		if err != nil {
			return err
		}
		m.noteRead(ledger.WayAfter, p.Results)
		if len(p.Results) == 0 || p.Next == nil {
			return nil
		}
		last := p.Results[len(p.Results)-1].Seq
		if last <= after {
			return errors.New("a page with another one after it leads nowhere")
		}
		after = last
	}
}

func (m *member) noteRead(way string, messages []message) {
	for i := range messages {
		r := messages[i].record(ledger.Read)
		r.Way = way
		m.note(r)
	}
}
