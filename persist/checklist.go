package persist

import (
	"fmt"

	"github.com/caravan-chat/caravan/protocol"
)

// Level says how much a Finding matters.
type Level string

// The levels of findings.
const (
	Good   Level = "ok"     // as it should be
	Look   Level = "look"   // to know, and perhaps to change
	Blocks Level = "blocks" // Caravan does not start, or nobody could write, before it is changed
)

// Finding is what a checklist says of one thing in a database.
type Finding struct {
	Level Level  `json:"level"`
	About string `json:"about"` // one word
	Text  string `json:"text"`
	Do    string `json:"do,omitempty"` // a statement, or a sentence
}

// Checklist is what was found, in the order in which it was looked for.
type Checklist []Finding

// Add adds a finding.
func (c *Checklist) Add(level Level, about, do, format string, args ...any) {
	*c = append(*c, Finding{level, about, fmt.Sprintf(format, args...), do})
}

// GoodUnlessFound adds that all is well with something where nothing has been found about it.
func (c *Checklist) GoodUnlessFound(about, text string) {
	for _, f := range *c {
		if f.About == about {
			return
		}
	}
	c.Add(Good, about, "", "%s", text)
}

// Count returns how many findings have that level.
func (c Checklist) Count(level Level) (n int) {
	for _, f := range c {
		if f.Level == level {
			n++
		}
	}
	return n
}

// CheckRole adds what a role of collaborators may do, where that is not what its name may promise.
func (c *Checklist) CheckRole(roles protocol.Roles, role string, members int64) {
	const do = "name it in --roles, or see that this is meant"
	switch named := roles.Named(role); {
	case named:
	case role == "":
		c.Add(Look, "roles", do, "%d collaborators have no role: they may do what a member may", members)
	default:
		c.Add(Look, "roles", do, "the role %.40q (%d collaborators) is not in --roles: it may do what a member may", role, members)
	}
}
