package bench

import (
	"fmt"
	"time"

	"github.com/caravan-chat/caravan/bench/wire"
)

// person is what a member of the day knows.
type person struct {
	own, heard messageID // its last message, and the last one that it heard of
	edits      int
}

// messageID is a message's id as text; empty where none is known.
type messageID [36]byte

func (id *messageID) known() bool { return id[0] != 0 }

// newPerson returns what a new member knows; nil outside of the day.
func (r *run) newPerson() *person {
	if r.cfg.Scenario != Day {
		return nil
	}
	return new(person)
}

// hears notes a new message. A nil person notes nothing.
func (p *person) hears(id []byte, own bool) {
	switch {
	case p == nil || len(id) != len(p.heard):
	case own:
		copy(p.own[:], id)
	default:
		copy(p.heard[:], id)
	}
}

// What members do, of a hundred things.
const (
	shareTyping = 30
	shareReact  = 10
	shareRead   = 10
	shareEdit   = 5
	// The rest are messages.
)

// summariesLate is how long after the last reaction its summary may come.
const summariesLate = 2500 * time.Millisecond

// act lets a member do one thing that it was meant to do at a given time. What it cannot do
// yet, because it knows no message, becomes a message.
func (w *worker) act(index int32, meant, now int64) {
	c := &w.conns[index]
	if c.state != member {
		return
	}
	p, stamp := c.person, w.stamp(c, meant)
	switch chance := w.chance(100); {
	case chance < shareTyping:
		w.frameOut(c, index, `{"type":"typing","is_typing":true}`)
		w.notices++
		return
	case chance < shareTyping+shareReact && p.heard.known():
		w.frameOut(c, index, fmt.Sprintf(`{"type":"react","message_id":"%s","emoji":"👍","on":%t,"client_id":"%s"}`, p.heard[:], w.chance(4) > 0, stamp))
	case chance < shareTyping+shareReact+shareRead && c.seq > 0:
		w.frameOut(c, index, fmt.Sprintf(`{"type":"mark_read","seq":%d,"client_id":"%s"}`, c.seq, stamp))
	case chance < shareTyping+shareReact+shareRead+shareEdit && p.own.known():
		p.edits++
		w.frameOut(c, index, fmt.Sprintf(`{"type":"edit_message","message_id":"%s","content":"edit %d","client_id":"%s"}`, p.own[:], p.edits, stamp))
	default:
		w.message(index, meant, now)
		return
	}
	w.awaits(c, meant, now)
}

func (w *worker) chance(n int) int { return w.pacer.random.IntN(n) }

func (w *worker) frameOut(c *conn, index int32, text string) {
	w.write(c, index, func(dst []byte) []byte { return wire.AppendFrame(dst, wire.OpText, w.run.key, []byte(text)) })
}

// acknowledged counts the answer to what is no message.
func (w *worker) acknowledged(c *conn, clientID []byte, now int64) {
	stamp, ok := wire.ParseStamp(clientID)
	if !ok || stamp.Run != w.run.id || stamp.Conn != c.id {
		w.foreign++
		return
	}
	w.acked++
	w.times.record(ofEcho, stamp.At, now-stamp.At)
	if w.run.plan.Load().measures(stamp.At) {
		record(w.action, now-stamp.At)
	}
	w.answered(c, now)
}
