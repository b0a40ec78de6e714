package verify

import (
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/bench/ledger"
)

// longPollWait is how long a poll waits for something to happen.
const longPollWait = 3 * time.Second

// poll is the life of a member whose network lets no WebSocket through: it
// follows the room by long polls, and sends over REST in between.
func (m *member) poll() {
	m.mu.Lock()
	m.startPolling()
	m.mu.Unlock()
	var next time.Time // it acts no more often than others
	for m.crew.living.Err() == nil {
		if err := m.pollOnce(); err != nil {
			m.sleep(m.jitter(backoffMax / 4))
			continue
		}
		m.resend(nil)
		if now := time.Now(); m.acting() && now.After(next) {
			next = now.Add(m.pauseBetween())
			m.actREST()
		}
	}
}

// startPolling begins where the run began. m.mu is held.
func (m *member) startPolling() {
	m.at, m.joined, m.upToDate = m.crew.book.base(m.room), true, time.Now()
	m.note(ledger.Record{Kind: ledger.Joined, Since: -1, Seq: m.at})
}

func (m *member) pollOnce() error {
	m.mu.Lock()
	since, last := m.at, m.last
	m.mu.Unlock()
	p, err := m.changes(m.crew.living, since, last, fmt.Sprintf("&wait=%ds", int(longPollWait.Seconds())))
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.Seq < since {
		m.beginAnew(p.node, false)
		m.startPolling()
		return nil
	}
	m.page(since, last, &p)
	m.know(m.at)
	if m.at >= m.known || p.HasMore { // whoever has more to fetch is told of it
		m.upToDate = time.Now()
	} else if time.Since(m.upToDate) > m.crew.cfg.Answer {
		m.note(ledger.Record{Kind: ledger.Due, Seq: m.known})
	}
	return nil
}

// actREST does one thing without a connection.
func (m *member) actREST() {
	m.mu.Lock()
	full := len(m.pending) >= pendingMax
	m.mu.Unlock()
	switch draw := m.draw(); {
	case full:
	case draw < shareEdit:
		m.edit(nil)
	case draw < shareEdit+shareAgain:
		m.sendAgain(nil)
	case m.crew.takesFiles() && draw > 1-shareFiles:
		m.sendFiles(nil)
	default:
		m.sendREST()
	}
}
