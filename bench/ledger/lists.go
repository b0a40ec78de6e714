package ledger

import (
	"fmt"
	"slices"
	"time"
)

// list is what was read whole in the end.
type list struct {
	way    string
	room   int
	about  string // a message
	sender string // a user
}

// see notes a message of a list that is not in the order of its room.
func (l *Ledger) see(r *Record) {
	if m := l.messages[r.Message]; r.Rev <= l.room(r.Room).base && m == nil {
		return // older than the run
	}
	l.report.Shown++
	l.observe(r, r.Seq, r.Rev)
	switch {
	case r.Way == WayPins && r.Pinned == "":
		l.unexplained("client %d: message %s is listed as pinned, and says at %d that it is not", r.Client, r.Message, r.Rev)
	case r.Way == WayReplies && r.Reply != r.About:
		l.unexplained("client %d: message %s is listed as an answer to %s, and answers %q", r.Client, r.Message, r.About, r.Reply)
	}
}

// chosen notes that somebody is told to have chosen an emoji: they asked for it once.
func (l *Ledger) chosen(r *Record) {
	if l.known(r.Message) == nil {
		return
	}
	l.report.Shown++
	if !slices.ContainsFunc(l.changes[r.Message], func(o *op) bool {
		return o.kind == React && o.on && o.sender == r.Sender && o.emoji == r.Content
	}) {
		l.unexplained("client %d is told that %s has chosen %s for message %s, which nobody asked for", r.Client, r.Sender, r.Content, r.Message)
	}
}

// known returns a message of the fleet's; nil: it is another's, or older than the run.
func (l *Ledger) known(id string) *message {
	if m := l.messages[id]; m != nil && m.op != nil && len(m.revs) > 0 {
		return m
	}
	return nil
}

func (m *message) lastState() *state { return &m.revs[len(m.revs)-1] } // checkChanges has put them in order

// checkMine: whoever sets a reaction over REST is told the own ones, as they are then.
func (l *Ledger) checkMine(r *Record, o *op) {
	sure := true
	for _, other := range l.changes[o.about] {
		if other != o && other.kind == React && other.sender == o.sender && other.emoji == o.emoji {
			sure = sure && (other.denied() || other.answers >= other.attempts)
		}
	}
	if sure && slices.Contains(r.Mine, o.emoji) != o.on && !l.deletes(o.about) {
		l.unexplained("client %d: op %s was acknowledged, on is %t, and its sender has chosen %v then", r.Client, o.name, o.on, r.Mine)
	}
}

// checkLists: what was read in the end is what members have seen.
func (l *Ledger) checkLists() {
	for of, rows := range l.lists {
		l.report.Rows += int64(len(rows))
		switch of.way {
		case WayPins:
			l.checkPinList(of, rows)
		case WayReplies:
			l.checkReplies(of, rows)
		case WayWho:
			l.checkChoices(of.way, of.about, rows)
		case WayMine:
			l.checkOwn(of, rows)
		case RowsReactions:
			l.checkReactions(rows)
		case RowsPins:
			l.checkPinned(of.way, func(*message) bool { return true }, rows)
		case RowsMentions:
			l.checkMentions(rows)
		case RowsDue:
			l.checkDue(rows)
		case RowsTexts:
			l.checkTexts(rows)
		case WayFiles:
			l.checkFiles(rows)
		case RowsFiles:
			for _, r := range rows {
				l.lost("files: %s", r.Content)
			}
		default:
			l.unexplained("a list of the unknown way %q", of.way)
		}
	}
}

// checkPinList: the pins of a room, the latest first.
func (l *Ledger) checkPinList(of list, rows []*Record) {
	l.checkPinned(of.way, func(m *message) bool { return m.room == of.room }, rows)
	for i := 1; i < len(rows); i++ {
		before, err := time.Parse(time.RFC3339Nano, rows[i-1].Pinned)
		at, err2 := time.Parse(time.RFC3339Nano, rows[i].Pinned)
		if err == nil && err2 == nil && at.After(before) {
			l.reordered("room %d: of its pins, %s of %s comes before %s of %s", of.room, rows[i-1].Message, rows[i-1].Pinned, rows[i].Message, rows[i].Pinned)
		}
	}
}

// checkPinned: what is pinned by a list is what members see pinned.
func (l *Ledger) checkPinned(way string, of func(*message) bool, rows []*Record) {
	pinned := map[*message]bool{}
	for _, r := range rows {
		if m := l.known(r.Message); m != nil {
			if pinned[m] = true; m.lastState().pinned == "" {
				l.unexplained("message %s is not pinned in the end, and is by %s", m.id, way)
			}
		}
	}
	for _, id := range sorted(l.messages) {
		if m := l.known(id); m != nil && of(m) && m.lastState().pinned != "" && !pinned[m] {
			l.lost("message %s is pinned in the end, and is not by %s", id, way)
		}
	}
}

// checkReplies: all that answer a message, deleted or not.
func (l *Ledger) checkReplies(of list, rows []*Record) {
	listed := map[string]bool{}
	for _, r := range rows {
		if m := l.known(r.Message); listed[r.Message] || (m != nil && m.op.reply != of.about) {
			l.unexplained("message %s is listed among the answers to %s", r.Message, of.about)
		}
		listed[r.Message] = true
	}
	for _, id := range sorted(l.messages) {
		if m := l.known(id); m != nil && m.op.reply == of.about && !listed[id] {
			l.lost("message %s answers %s, and is not listed among the answers", id, of.about)
		}
	}
}

// checkChoices: the rows of a message's reactions, one by one.
func (l *Ledger) checkChoices(way, id string, rows []*Record) {
	m := l.known(id)
	if m == nil {
		return
	}
	if m.gone != 0 && len(rows) > 0 {
		l.unexplained("message %s is deleted, and has %d reactions left by %s", id, len(rows), way)
		return
	}
	now, listed := l.reactors(m), map[reaction]bool{}
	for _, r := range rows {
		by := reaction{r.Sender, r.Content}
		if one := now[r.Content][r.Sender]; listed[by] || (!one.is && !one.unsure) {
			l.unexplained("message %s: %s has %s by %s, and has not chosen it, or it is there twice", id, r.Sender, r.Content, way)
		}
		listed[by] = true
	}
	for emoji, users := range now {
		for user, one := range users {
			if one.is && !one.unsure && !listed[reaction{user, emoji}] {
				l.lost("message %s: %s has chosen %s, and that is not in %s", id, user, emoji, way)
			}
		}
	}
}

// reaction is a choice of a user.
type reaction struct{ user, emoji string }

// checkOwn: which reactions are a reader's own.
func (l *Ledger) checkOwn(of list, rows []*Record) {
	listed := map[reaction]bool{} // by message in place of a user
	for _, r := range rows {
		m := l.known(r.Message)
		if m == nil {
			continue
		}
		listed[reaction{r.Message, r.Content}] = true
		if one := l.reactors(m)[r.Content][of.sender]; !one.is && !one.unsure {
			l.unexplained("message %s says to %s that %s is an own reaction, which it is not", r.Message, of.sender, r.Content)
		}
	}
	for _, id := range sorted(l.messages) {
		m := l.known(id)
		if m == nil || m.room != of.room {
			continue
		}
		for emoji, users := range l.reactors(m) {
			if one := users[of.sender]; one.is && !one.unsure && !listed[reaction{id, emoji}] {
				l.lost("message %s does not say to %s that %s is an own reaction", id, of.sender, emoji)
			}
		}
	}
}

// checkReactions: each message's counts are those of its rows, and the rows are what was asked
// for.
func (l *Ledger) checkReactions(rows []*Record) {
	of := map[string][]*Record{}
	for _, r := range rows {
		of[r.Message] = append(of[r.Message], r)
	}
	for _, id := range sorted(l.messages) {
		m := l.known(id)
		if m == nil || !l.room(m.room).summed {
			continue
		}
		l.checkChoices(RowsReactions, id, of[id])
		counts := map[string]int{}
		for _, r := range of[id] {
			counts[r.Content]++
		}
		var told summary
		if told.read(m.lastState().summary) != nil {
			continue // checkMessage has said so
		}
		for _, e := range told.Reactions {
			if counts[e.Emoji] != e.Count {
				l.lost("message %s says that %d have chosen %s, and there are %d rows", id, e.Count, e.Emoji, counts[e.Emoji])
			}
			delete(counts, e.Emoji)
		}
		for emoji, n := range counts {
			if m.gone == 0 {
				l.lost("message %s does not say that %d have chosen %s", id, n, emoji)
			}
		}
	}
}

// checkMentions: whom messages mention that are not deleted, and nobody else.
func (l *Ledger) checkMentions(rows []*Record) {
	type mention struct {
		room int
		seq  int64
		user string
	}
	listed := map[mention]bool{}
	for _, r := range rows {
		at := mention{r.Room, r.Seq, r.Sender}
		listed[at] = true
		room := l.rooms[r.Room]
		if room == nil {
			continue
		}
		m := room.events[r.Seq]
		if m == nil || m.seq != r.Seq || l.known(m.id) == nil {
			continue
		}
		if m.gone != 0 || !slices.Contains(m.op.to, r.Sender) {
			l.unexplained("room %d: %s is mentioned at %d by %s, and not by the message", r.Room, r.Sender, r.Seq, RowsMentions)
		}
	}
	for _, id := range sorted(l.messages) {
		m := l.known(id)
		if m == nil || m.gone != 0 {
			continue
		}
		for _, user := range m.op.to {
			if !listed[mention{m.room, m.seq, user}] {
				l.lost("message %s mentions %s, and that is not in %s", id, user, RowsMentions)
			}
		}
	}
}

// checkDue: in the end no summary is due.
func (l *Ledger) checkDue(rows []*Record) {
	for _, r := range rows {
		if l.known(r.Message) != nil {
			l.lost("a summary of message %s is due in the end", r.Message)
		}
	}
}

// checkTexts: what deleted messages said is nowhere.
func (l *Ledger) checkTexts(rows []*Record) {
	for _, r := range rows {
		o := l.ops[r.Op]
		if o == nil {
			continue
		}
		m := o.made
		if o.changes() {
			m = l.messages[o.about]
		}
		if m != nil && m.gone != 0 {
			l.unexplained("message %s is deleted, and %s has what op %s said: %s", m.id, r.Type, o.name, fmt.Sprintf("%q", firstRunes(r.Content)))
		}
	}
}
