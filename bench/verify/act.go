package verify

import (
	"strings"
	"time"

	"github.com/caravan-chat/caravan/bench/ledger"
)

// Shares of what a member does at a time. What is left is sending a message.
const (
	shareREST   = 0.10 // a message over REST
	shareEdit   = 0.15 // an edit
	shareAgain  = 0.06 // a known message again
	shareStorm  = 0.04 // a message twice on the connection and at the same time over REST
	shareTyping = 0.05
	shareFile   = 0.1  // of messages
	shareReply  = 0.15 // of messages
	editREST    = 0.3  // of edits
	changeREST  = 0.3  // of deletions, pins and reactions
	shareList   = 0.03 // a list over REST
)

// The first member of each room sends a burst now and then, because a server may
// store a hundred messages in another way than ten: so many, up to twice as many.
const (
	burstMin   = 200
	burstFirst = 10  // which of its actions is the first
	burstEvery = 100 // and how many follow until the next
)

// act does one thing.
func (m *member) act(s *session) {
	draw := m.draw()
	pick := func(share float64) bool {
		draw -= share
		return draw < 0
	}
	m.mu.Lock()
	full := len(m.pending) >= pendingMax
	m.mu.Unlock()
	m.acts++
	switch {
	case full:
	case m.id < m.crew.cfg.Rooms && m.acts%burstEvery == burstFirst:
		m.burst(s)
	case m.crew.takesFiles() && m.id < m.crew.cfg.Rooms && m.acts%filesEvery == filesFirst:
		m.sendFiles(s)
	case pick(shareREST):
		m.sendREST()
	case pick(shareEdit):
		m.edit(s)
	case pick(shareAgain):
		m.sendAgain(s)
	case pick(shareStorm):
		m.storm(s)
	case pick(shareDelete):
		m.unmake(s)
	case pick(sharePin):
		m.pin(s)
	case pick(shareReact):
		m.react(s)
	case pick(shareMark):
		m.mark(s)
	case pick(shareList):
		m.list()
	case m.crew.takesFiles() && pick(shareFiles):
		m.sendFiles(s)
	case m.crew.takesFiles() && pick(shareFetch):
		m.fetchFile()
	case pick(shareTyping):
		s.send([]byte(`{"type":"typing","is_typing":true}`))
	default:
		m.ask(s, m.compose(nil))
	}
}

// compose makes an op with a name that nobody used before.
func (m *member) compose(edits *own) *op {
	o := &op{kind: ledger.Send, name: m.name(), edits: edits}
	if edits != nil {
		o.kind, o.about = ledger.Edit, edits.id
		o.name += "e"
	}
	o.content = ledger.Content(o.name, m.words())
	if edits == nil {
		m.adorn(o)
		o.file = m.draw() < shareFile
		if m.draw() < shareReply && !m.crew.cfg.spares("reply_to") {
			m.mu.Lock()
			o.reply = m.heard
			m.mu.Unlock()
		}
	}
	return o
}

// words is text with what JSON and databases find hard.
func (m *member) words() string {
	vocabulary := []string{"caravan", "Zürich", "“quoted”", `back\slash`, `"quote"`, "🐫", "tab\there", "line\nbreak", "'; --", "\u2028", "<b>", "日本語", "é"}
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for b.Len() < m.crew.cfg.Payload {
		b.WriteString(vocabulary[m.rng.IntN(len(vocabulary))])
		b.WriteByte(' ')
	}
	return b.String() + "." // content is trimmed at its ends
}

func (m *member) sendREST() {
	o := m.compose(nil)
	m.mu.Lock()
	m.begin(o, nil)
	m.mu.Unlock()
	m.overREST(m.crew.living, o)
}

// edit changes one of the member's own messages that is not being changed.
func (m *member) edit(s *session) {
	m.mu.Lock()
	var target *own
	if n := len(m.mine); n > 0 {
		target = m.mine[m.rng.IntN(n)]
	}
	byREST := s == nil || m.rng.Float64() < editREST
	busy := target == nil || target.editing || target.deleted
	m.mu.Unlock()
	if busy {
		return
	}
	o := m.compose(target)
	if byREST {
		s = nil
	}
	if s != nil {
		m.ask(s, o)
		return
	}
	m.mu.Lock()
	m.begin(o, nil)
	m.mu.Unlock()
	m.overREST(m.crew.living, o)
}

// sendAgain sends a message again that is known to be stored.
func (m *member) sendAgain(s *session) {
	m.mu.Lock()
	if len(m.mine) == 0 {
		m.mu.Unlock()
		return
	}
	known := m.mine[m.rng.IntN(len(m.mine))]
	o := m.find(known.op)
	if o == nil {
		o = &op{kind: ledger.Send, name: known.op, content: known.content}
		o.file, o.reply, o.mentions, o.on, o.data, o.files = known.sent.file, known.sent.reply, known.sent.mentions, known.sent.on, known.sent.data, known.sent.files
		m.settled[o.name] = o
	}
	m.again(o, s)
	m.mu.Unlock()
	if s == nil {
		m.overREST(m.crew.living, o)
	} else {
		s.write(o)
	}
}

// storm sends one message three times at once.
func (m *member) storm(s *session) {
	o := m.compose(nil)
	m.mu.Lock()
	m.begin(o, s)
	m.again(o, s)
	m.again(o, nil)
	m.mu.Unlock()
	s.write(o, o)
	m.overREST(m.crew.living, o)
}

// burst sends many messages in one write.
func (m *member) burst(s *session) {
	ops := make([]*op, m.crew.cfg.burst+int(m.draw()*float64(m.crew.cfg.burst)))
	plain := m.draw() < shareMention
	for i := range ops {
		ops[i] = m.compose(nil)
		if plain {
			ops[i].mentions, ops[i].on, ops[i].data = nil, false, nil // such a batch is stored in another way
		}
	}
	m.mu.Lock()
	for _, o := range ops {
		m.begin(o, s)
	}
	m.mu.Unlock()
	s.write(ops...)
}

// resend tries again what nobody answers any more.
func (m *member) resend(s *session) {
	const byREST = 0.2
	var ops, rest []*op
	now := time.Now()
	m.mu.Lock()
	for _, o := range m.pending {
		if (o.kind == ledger.Edit && !m.v2) || o.waiting > 0 || now.Before(o.retryAt) {
			continue
		}
		if s == nil || (m.rng.Float64() < byREST && o.kind != ledger.Mark) {
			m.again(o, nil)
			rest = append(rest, o)
		} else {
			m.again(o, s)
			ops = append(ops, o)
		}
	}
	m.mu.Unlock()
	if len(ops) > 0 {
		s.write(ops...)
	}
	for _, o := range rest {
		m.overREST(m.crew.living, o)
	}
}
