package persist

import (
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// rule is what ops of one kind mean for the database. Its functions are pure: the
// stores know no kind, they look up what is asked for and write the Plan.
type rule struct {
	// unasked says that the server itself submits such ops: they have no sender.
	unasked bool
	// marks says that such ops change nothing but marks, which are clamped when they are read:
	// their rooms need no lock.
	marks bool
	// screen refuses what must never reach a database; nil: nothing further.
	screen func(op *room.Op) *protocol.Error
	// ask adds what must be found out before the op can be settled; nil: nothing further.
	ask func(l *Lookup, op *room.Op)
	// settle decides what becomes of the op, and adds its rows to the plan.
	settle func(s *settling, op *room.Op) result
}

// rules has a rule for each kind of the classes Event and Mark.
var rules = [...]rule{
	protocol.KindMessage: messageRule,
	protocol.KindEdit:    editRule,
	protocol.KindRead:    readRule,
	protocol.KindDelete:  deleteRule,
	protocol.KindPin:     pinRule,
	protocol.KindReact:   reactRule,
	protocol.KindSummary: summaryRule,
}

// ruleOf returns the rule for an op; nil where there is none.
func ruleOf(op *room.Op) *rule {
	if int(op.Kind) < len(rules) && rules[op.Kind].settle != nil {
		return &rules[op.Kind]
	}
	return nil
}
