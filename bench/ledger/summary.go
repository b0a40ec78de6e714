package ledger

import (
	"encoding/json"
	"fmt"
)

// namedMax is up to how many reactions a message names who they are from.
const namedMax = 8

// repliesMax stands for itself and more.
const repliesMax = 1000

// summary is what a message says of its reactions and replies.
type summary struct {
	Reactions []struct {
		Emoji string   `json:"emoji"`
		Count int      `json:"count"`
		By    []string `json:"by"`
	} `json:"reactions"`
	Replies int `json:"reply_count"`
}

// read reads what a record has.
func (s *summary) read(text string) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), s)
}

// replies counts the replies of each message that are not deleted.
func (l *Ledger) replies() map[string]int {
	if l.answers == nil {
		l.answers = l.countReplies()
	}
	return l.answers
}

func (l *Ledger) countReplies() map[string]int {
	counts := map[string]int{}
	for _, m := range l.messages {
		if m.op != nil && m.op.reply != "" && m.gone == 0 {
			counts[m.op.reply]++
		}
	}
	return counts
}

// Summarized reports whether each message says of its reactions and replies what there is, as
// far as is known: a summary may be told a while after the last change.
func (l *Ledger) Summarized() bool {
	replies := l.countReplies()
	for _, m := range l.messages {
		if m.op != nil && l.wrongSummary(m, replies) != "" {
			return false
		}
	}
	return true
}

// Unsure reports whether a reaction was cut that may be stored or not, so that a summary may
// be due of which nobody else knows.
func (l *Ledger) Unsure() bool {
	for id, ops := range l.changes {
		m := l.messages[id]
		for _, o := range ops {
			cut := o.kind == React && !o.denied() && o.answers < o.attempts
			if cut && m != nil && m.gone == 0 && l.room(m.room).summed {
				return true
			}
		}
	}
	return false
}

// wrongSummary says what is wrong with a message's last summary; empty: nothing.
func (l *Ledger) wrongSummary(m *message, replies map[string]int) string {
	if !l.room(m.room).summed {
		return ""
	}
	var last state
	for _, s := range m.revs {
		if s.number >= last.number {
			last = s
		}
	}
	var told summary
	if err := told.read(last.summary); err != nil {
		return fmt.Sprintf("its summary is none: %v", err)
	}
	if want := min(replies[m.id], repliesMax); told.Replies != want {
		return fmt.Sprintf("it says that it has %d replies, and it has %d", told.Replies, want)
	}
	return l.wrongReactions(m, &told)
}

// reactor is a user's reaction with an emoji: what its acknowledged ops say, and whether it
// may be otherwise.
type reactor struct{ is, unsure bool }

// reactors are the reactions to a message, by emoji and user.
func (l *Ledger) reactors(m *message) map[string]map[string]reactor {
	now := map[string]map[string]reactor{}
	for _, o := range l.changes[m.id] {
		if o.kind != React || o.denied() || m.gone != 0 {
			continue
		}
		if now[o.emoji] == nil {
			now[o.emoji] = map[string]reactor{}
		}
		was := now[o.emoji][o.sender]
		sure := o.granted != 0 && o.answers >= o.attempts
		now[o.emoji][o.sender] = reactor{is: o.on, unsure: !sure || (was.unsure && was.is != o.on)}
	}
	return now
}

func (l *Ledger) wrongReactions(m *message, told *summary) string {
	now, total := l.reactors(m), 0
	for _, r := range told.Reactions {
		total += r.Count
	}
	for _, r := range told.Reactions {
		least, most := 0, 0
		for _, one := range now[r.Emoji] {
			if one.is && !one.unsure {
				least++
			}
			if one.is || one.unsure {
				most++
			}
		}
		if r.Count < least || r.Count > most || r.Count == 0 {
			return fmt.Sprintf("it says that %d have chosen %s, and %d to %d have", r.Count, r.Emoji, least, most)
		}
		if named := total <= namedMax; (named && len(r.By) != r.Count) || (!named && r.By != nil) {
			return fmt.Sprintf("%d have chosen %s, %d in all, and %d are named", r.Count, r.Emoji, total, len(r.By))
		}
		for _, user := range r.By {
			if one := now[r.Emoji][user]; !one.is && !one.unsure {
				return fmt.Sprintf("it names %s for %s, who has not chosen it", user, r.Emoji)
			}
		}
		delete(now, r.Emoji)
	}
	for emoji, users := range now {
		for user, one := range users {
			if one.is && !one.unsure {
				return fmt.Sprintf("it does not show %s, which %s has chosen", emoji, user)
			}
		}
	}
	return ""
}

// summaries are the summaries of a room's messages that may have taken a number which nobody
// saw: for each reply and reaction, and each end of one, there may have been one.
func (l *Ledger) summaries(room int) (all []*candidate) {
	due := map[*message]int{}
	for _, name := range sorted(l.ops) {
		o := l.ops[name]
		if o.room != room || o.denied() {
			continue
		}
		about := o.reply
		switch o.kind {
		case React:
			about = o.about
		case Delete:
			if m := l.messages[o.about]; m != nil && m.op != nil {
				about = m.op.reply
			}
		}
		if m := l.messages[about]; m != nil {
			due[m]++
		}
	}
	for m, n := range due {
		for ; n > 0 && m.seq+1 <= m.last-1; n-- {
			all = append(all, &candidate{op: &op{kind: React}, of: m, lo: m.seq + 1, hi: m.last - 1})
		}
	}
	return all
}
