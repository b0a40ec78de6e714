package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
)

// Shares of what a member does that the JavaScript library runs. What is left is sending a message.
const (
	jsShareEdit   = 0.15
	jsShareDelete = 0.05
	jsSharePin    = 0.05
	jsShareReact  = 0.1
	jsShareRead   = 0.08
	jsShareTyping = 0.05
	jsShareOlder  = 0.03
	jsShareTrim   = 0.01
	jsShareBurst  = 0.01
	jsShareHolds  = 0.08

	jsBurst      = 30 // messages at once
	jsLookPeriod = 50 * time.Millisecond
)

// liveJS is a member's life: it acts, and says now and then what it holds.
func (m *jsMember) liveJS() {
	for m.crew.acting.Err() == nil {
		m.sleep(m.pauseBetween())
		if m.crew.acting.Err() != nil {
			return
		}
		if m.draw() < jsShareHolds {
			m.prove()
		} else {
			m.actJS()
		}
	}
}

// prove waits until the page has been told all that the room has by now, which must not take longer than any other
// member waits, and lets it say what it holds. It is not asked for where the page stands still or is loaded anew meanwhile, or loses its connection.
func (m *jsMember) prove() {
	head, err := m.roomNumber(m.crew.living)
	if err != nil {
		return // nobody can say what is due
	}
	f := m.of.fleet
	f.mu.Lock()
	epoch := f.epoch
	f.mu.Unlock()
	for deadline := time.Now().Add(m.crew.cfg.Answer); ; m.sleep(jsLookPeriod) {
		f.mu.Lock()
		if f.epoch != epoch || !f.awake || m.phase != "live" || m.crew.living.Err() != nil {
			f.mu.Unlock()
			return
		}
		if m.stands >= head || time.Now().After(deadline) {
			f.asked++
			m.waits[f.asked] = head
			f.program.say(map[string]any{"do": "holds", "member": m.id, "n": f.asked})
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
	}
}

// actJS does one thing.
func (m *jsMember) actJS() {
	draw := m.draw()
	pick := func(share float64) bool {
		draw -= share
		return draw < 0
	}
	f := m.of.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.awake || !m.came || len(m.pending) >= pendingMax:
	case pick(jsShareEdit):
		if target := m.pickOwn(); target != nil {
			target.editing = true
			o := m.compose(target)
			m.askJS(o, map[string]any{"do": "edit", "message": o.about, "content": o.content})
		}
	case pick(jsShareDelete):
		if target := m.pickOwn(); target != nil {
			target.editing = true // and so is not asked for twice
			m.askJS(&op{kind: ledger.Delete, name: m.name(), edits: target, about: target.id}, map[string]any{"do": "remove", "message": target.id})
		}
	case pick(jsSharePin):
		m.pinJS()
	case pick(jsShareReact):
		m.reactJS()
	case pick(jsShareRead):
		m.say(map[string]any{"do": "read"})
	case pick(jsShareTyping):
		m.say(map[string]any{"do": "typing", "on": m.draw() < 0.5})
	case pick(jsShareOlder):
		m.say(map[string]any{"do": "older"})
	case pick(jsShareTrim):
		m.say(map[string]any{"do": "trim"})
	case pick(jsShareBurst):
		for range jsBurst {
			m.sendJS()
		}
	default:
		m.sendJS()
	}
}

// say says to the program what the member does. f.mu is held.
func (m *jsMember) say(command map[string]any) {
	command["member"] = m.id
	m.of.fleet.program.say(command)
}

func (m *jsMember) askJS(o *op, command map[string]any) {
	m.pending[o.name] = &jsOp{op: o}
	command["op"] = o.name
	m.say(command)
}

// pickOwn is an own message that nothing is being done to; nil: none.
func (m *jsMember) pickOwn() *own {
	if len(m.made) == 0 {
		return nil
	}
	target := m.made[int(m.draw()*float64(len(m.made)))]
	if target.editing || target.deleted {
		return nil
	}
	return target
}

func (m *jsMember) sendJS() {
	o := m.compose(nil)
	o.file, o.reply = false, ""
	if m.draw() < shareReply {
		o.reply = m.heard
	}
	options := map[string]any{}
	if o.reply != "" {
		options["replyTo"] = o.reply
	}
	if o.mentions != nil {
		options["mentions"] = o.mentions
	}
	if o.on {
		options["mentionsAll"] = true
	}
	if o.data != nil {
		options["data"] = o.data
	}
	m.askJS(o, map[string]any{"do": "send", "content": o.content, "options": options})
}

// pinJS pins the message that the member was told of last, or takes its pin away. One at a time.
func (m *jsMember) pinJS() {
	on := m.draw() >= shareUnpin
	for _, o := range m.pending {
		if o.kind == ledger.Pin {
			return
		}
	}
	if m.heard != "" {
		m.askJS(&op{kind: ledger.Pin, name: m.name(), about: m.heard, on: on}, map[string]any{"do": "pin", "message": m.heard, "on": on})
	}
}

// reactJS sets a reaction, or takes it away. One at a time for each message and emoji.
func (m *jsMember) reactJS() {
	emoji := []string{"👍", "❤", "🐫"}[int(m.draw()*3)]
	for _, o := range m.pending {
		if o.kind == ledger.React && o.about == m.heard && o.content == emoji {
			return
		}
	}
	if on := m.draw() < shareReacted; m.heard != "" && !m.crew.cfg.spares("react") {
		m.askJS(&op{kind: ledger.React, name: m.name(), about: m.heard, on: on, content: emoji}, map[string]any{"do": "react", "message": m.heard, "emoji": emoji, "on": on})
	}
}

// unsettledJS says what is missing until the member's page is as it should be; empty: nothing.
func (m *jsMember) unsettledJS(head int64) string {
	f := m.of.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.awake:
		return "its page stands still"
	case m.phase != "live" || (m.of.phase != "live" && m.of.phase != "fallback"):
		return fmt.Sprintf("its page is %q, and its room %q", m.of.phase, m.phase)
	case m.stands != head:
		return fmt.Sprintf("its library stands at %d, and its room at %d", m.stands, head)
	}
	for name := range m.pending {
		return fmt.Sprintf("op %s is in its outbox", name)
	}
	return ""
}

// each calls do for each member that the library runs, until that says that it is enough.
func (f *jsFleet) each(do func(*jsMember) bool) {
	if f == nil {
		return
	}
	for _, u := range f.users {
		for _, m := range u.rooms {
			if !do(m) {
				return
			}
		}
	}
}

// cameInJS reports whether all have been in their rooms.
func (f *jsFleet) cameIn() (in, all int) {
	f.each(func(m *jsMember) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if all++; m.came {
			in++
		}
		return true
	})
	return in, all
}

// finish lets each page say what it holds in the end.
func (f *jsFleet) finish(ctx context.Context) error {
	if f == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, jsEndWithin)
	defer cancel()
	f.each(func(m *jsMember) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.asked++
		m.say(map[string]any{"do": "end", "n": f.asked})
		return true
	})
	for {
		ended := true
		f.each(func(m *jsMember) bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			ended = ended && m.ended
			if m.ended && m.phase == "live" {
				m.note(ledger.Record{Kind: ledger.Stays})
			}
			return true
		})
		if ended {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("the program of the JavaScript library does not say what it holds in the end")
		case <-time.After(jsLookPeriod):
		}
	}
}

// online reports whether a user of the library is connected to a room by a WebSocket; no: not in the run.
func (f *jsFleet) online(room int) map[string]bool {
	online := map[string]bool{}
	f.each(func(m *jsMember) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if m.room == room {
			online[fleet.User(m.user).String()] = m.phase == "live" && m.of.phase == "live"
		}
		return true
	})
	return online
}

// readMarks marks again what was read, as a frame may have been over the rate, and notes where the marks are in the end.
func (f *jsFleet) readMarks(ctx context.Context) (err error) {
	f.each(func(m *jsMember) bool {
		f.mu.Lock()
		marked, head := m.marked, m.stands
		if marked > 0 {
			m.say(map[string]any{"do": "read"})
		}
		f.mu.Unlock()
		if marked == 0 {
			return true
		}
		for until := time.Now().Add(markedWithin); ; time.Sleep(settlePeriod) {
			var seq int64
			seq, err = retry(ctx, func() (int64, error) { return m.readUpTo(ctx) })
			if err != nil {
				return false
			}
			if seq >= head || time.Now().After(until) {
				m.note(ledger.Record{Kind: ledger.Marked, Seq: seq, Version: 2})
				return true
			}
		}
	})
	return err
}
