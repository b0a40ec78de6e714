package netpoll

import (
	"testing"

	"pgregory.net/rapid"
)

// Topics and connections against a model: sets.
func TestTopicsAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const conns, topics = 6, 4
		cs := make([]*Conn, conns)
		for i := range cs {
			cs[i] = &Conn{state: stateOpen}
		}
		ts := make([]*Topic, topics)
		model := make([]map[*Conn]bool, topics)
		for i := range ts {
			ts[i], model[i] = new(Topic), make(map[*Conn]bool)
		}
		conn := rapid.IntRange(0, conns-1)
		topic := rapid.IntRange(0, topics-1)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				c, i := cs[conn.Draw(t, "conn")], topic.Draw(t, "topic")
				ts[i].Add(c)
				if c.state == stateOpen {
					model[i][c] = true
				}
			},
			"remove": func(t *rapid.T) {
				c, i := cs[conn.Draw(t, "conn")], topic.Draw(t, "topic")
				ts[i].Remove(c)
				delete(model[i], c)
			},
			"close": func(t *rapid.T) {
				n := conn.Draw(t, "conn")
				cs[n].state = stateGone
				cs[n].leaveTopics()
				for _, m := range model {
					delete(m, cs[n])
				}
				cs[n] = &Conn{state: stateOpen}
			},
			"remove while going through": func(t *rapid.T) {
				i := topic.Draw(t, "topic")
				ts[i].Each(func(c *Conn) bool {
					if rapid.Bool().Draw(t, "remove") {
						ts[i].Remove(c)
						delete(model[i], c)
					}
					return true
				})
			},
			"": func(t *rapid.T) {
				for i, topic := range ts {
					seen := make(map[*Conn]bool)
					topic.Each(func(c *Conn) bool { seen[c] = true; return true })
					if len(seen) != topic.Len() || len(seen) != len(model[i]) {
						t.Fatalf("topic %d: %d seen, Len %d, model %d", i, len(seen), topic.Len(), len(model[i]))
					}
					for c := range model[i] {
						if !seen[c] || !topic.has(c) {
							t.Fatalf("topic %d misses a member", i)
						}
					}
				}
			},
		})
	})
}
