package ledger

import "slices"

// The permissions that the account asks for, by their names on the wire.
const (
	maySend       = "send"
	mayEdit       = "edit"
	mayDelete     = "delete"
	mayReact      = "react"
	mayPin        = "pin"
	mayMentionAll = "mention_all"
	mayModerate   = "moderate"
)

// ordinary is what a user may do of whose role nothing is known.
var ordinary = role{may: []string{maySend, mayEdit, mayDelete, mayReact, mayPin, "upload"}}

// role is what a user may do from a moment on.
type role struct {
	name string
	may  []string
}

// rolesOf are the roles that a user has had since the one with the index from, in their order.
// There is one at least.
func (l *Ledger) rolesOf(user string, from int) []role {
	if all := l.roles[user]; len(all) > 0 {
		return all[min(from, len(all)-1):]
	}
	return []role{ordinary}
}

// mayHave reports whether a user may have had a permission since it had the role with the index
// from, and mayLack whether the user may have been without it.
func (l *Ledger) mayHave(user string, from int, permission string) bool {
	return slices.ContainsFunc(l.rolesOf(user, from), func(r role) bool { return slices.Contains(r.may, permission) })
}

func (l *Ledger) mayLack(user string, from int, permission string) bool {
	return slices.ContainsFunc(l.rolesOf(user, from), func(r role) bool { return !slices.Contains(r.may, permission) })
}

// giveRole notes that a user is about to get another role.
func (l *Ledger) giveRole(r *Record) {
	l.roles[r.Sender] = append(l.roles[r.Sender], role{r.Code, r.To})
	l.report.Roles++
}

// roleTold notes which role a client is told that its user has. On one connection roles do not
// go back. Each role of a user whose role changes has a name of its own.
func (l *Ledger) roleTold(r *Record) {
	c := l.client(r)
	c.user = r.Sender
	all := l.roles[r.Sender]
	if len(all) == 0 {
		return
	}
	at := slices.IndexFunc(all, func(had role) bool { return had.name == r.Code })
	switch {
	case at < 0:
		l.unexplained("client %d: its user's role is told to be %q, which it never was", r.Client, r.Code)
		return
	case !slices.Equal(all[at].may, r.To):
		l.unexplained("client %d: as %s it may %v, and is told %v", r.Client, r.Code, all[at].may, r.To)
	case at < c.rank && l.mayBeBehind(r):
		l.report.Behind++
	case at < c.rank:
		l.lost("client %d: its user's role was told to be %s, and then %s again", r.Client, all[c.rank].name, r.Code)
	}
	if c.ranked && at > c.rank {
		l.report.Turned++
	}
	c.rank, c.ranked = at, true
}

// standing is which of a user's roles counts at least for what goes out now: the one that its
// connection was told.
func (l *Ledger) standing(r *Record) int {
	if r.Way == WayREST {
		return 0
	}
	return l.client(r).rank
}

// needs are the permissions for what an op asks.
func (o *op) needs() []string {
	switch o.kind {
	case Edit:
		return []string{mayEdit}
	case Delete:
		return []string{mayDelete}
	case Pin:
		return []string{mayPin}
	case React:
		return []string{mayReact}
	case Send:
		if o.on {
			return []string{maySend, mayMentionAll}
		}
		return []string{maySend}
	}
	return nil
}

// permitted reports whether an op's sender may have had all that it needs; forbidden whether
// something may have lacked.
func (l *Ledger) permitted(o *op) bool {
	if o.sender == "" || (o.kind == Delete && l.mayHave(o.sender, o.rank, mayModerate)) {
		return true
	}
	for _, permission := range o.needs() {
		if !l.mayHave(o.sender, o.rank, permission) {
			return false
		}
	}
	return o.kind != Delete || l.mayBeOwn(o)
}

func (l *Ledger) forbidden(o *op) bool {
	return slices.ContainsFunc(o.needs(), func(permission string) bool { return l.mayLack(o.sender, o.rank, permission) })
}

// mayBeOwn reports whether an op is about a message of its sender's, as far as is known.
func (l *Ledger) mayBeOwn(o *op) bool {
	m := l.messages[o.about]
	return m == nil || m.op == nil || m.op.sender == o.sender
}

// checkPermitted: what was acknowledged, its sender was allowed to do.
func (l *Ledger) checkPermitted(r *Record, o *op) {
	if !l.permitted(o) {
		l.unexplained("client %d: op %s was acknowledged, and its sender may not do that", r.Client, o.name)
	}
	if l.isOutside(o.room, o.sender, o.begun) {
		l.unexplained("client %d: op %s was acknowledged, and its sender is no member of room %d", r.Client, o.name, o.room)
	}
}

// refusesRight reports whether a refusal for want of a permission has its reason. Another's
// message is not there for who may not delete it.
func (l *Ledger) refusesRight(o *op, code string) bool {
	switch code {
	case "not_allowed":
		return l.forbidden(o)
	case "not_found":
		return o.kind == Delete && l.messages[o.about] != nil && !l.mayBeOwn(o) && l.mayLack(o.sender, o.rank, mayModerate)
	case "forbidden":
		return o.kind == Delete && (l.messages[o.about] == nil || !l.mayBeOwn(o)) && l.mayLack(o.sender, o.rank, mayModerate)
	}
	return false
}

// checkRole: whoever is connected in the end knows the role that its user has.
func (l *Ledger) checkRole(id int, c *client) {
	if all := l.roles[c.user]; c.ranked && c.stays && c.rank < len(all)-1 {
		l.lost("client %d: its user's role is %s in the end, and it was never told more than %s", id, all[len(all)-1].name, all[c.rank].name)
	}
}
