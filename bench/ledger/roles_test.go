package ledger

import "testing"

var (
	everything = []string{maySend, mayEdit, mayDelete, mayReact, mayPin, "upload", mayMentionAll, mayModerate}
	most       = everything[:6]
)

// moderated is the history of kinds with a user who moderates and deletes A, which another one
// sent. u9, who is client 4 and speaks version 2, loses all rights and gets them back: what it
// pins is acknowledged before, and refused after it was told.
func moderated(t *testing.T) []Record {
	h := all(kind(Delete, "d1"), func(r *Record) { r.Sender = "mod" })(t, kinds())
	h = all(func(r *Record) bool { return r.Deleted != "" }, func(r *Record) { r.DeletedBy = "moderator" })(t, h)
	h = before(joined(1, -1), Record{Kind: Role, Sender: "mod", Code: "organizer", To: everything}, Record{Kind: Role, Sender: "u9", Code: "member", To: most})(t, h)
	again := func(op string, answer Kind, code string) []Record {
		return []Record{{Kind: Pin, Client: 4, Op: op, Message: "B", Sender: "u9"}, {Kind: answer, Client: 4, Op: op, Code: code, Version: 2}}
	}
	told := func(role string, may []string) Record {
		return Record{Kind: RoleTold, Client: 4, Sender: "u9", Code: role, To: may}
	}
	var more []Record
	more = append(more, Record{Kind: Joined, Client: 4, Since: 17, Seq: 17}, told("member", most))
	more = append(more, again("q1", Granted, "")...)
	more = append(more, Record{Kind: Role, Sender: "u9", Code: "visitor-0"})
	more = append(more, again("q2", Granted, "")...) // not looked at again yet
	more = append(more, told("visitor-0", nil))
	more = append(more, again("q3", Refused, "not_allowed")...)
	more = append(more, Record{Kind: Send, Client: 4, Op: "s1", Content: Content("s1", "no"), Form: "text", Sender: "u9"}, Record{Kind: Refused, Client: 4, Op: "s1", Code: "not_allowed"})
	more = append(more, Record{Kind: Role, Sender: "u9", Code: "member-1", To: most})
	more = append(more, again("q4", Refused, "not_allowed")...)
	more = append(more, told("member-1", most))
	more = append(more, again("q5", Granted, "")...)
	more = append(more, Record{Kind: Delete, Client: 4, Op: "d9", Message: "B", Sender: "u9"}, Record{Kind: Refused, Client: 4, Op: "d9", Code: "not_found"})
	more = append(more, Record{Kind: Delete, Client: 4, Op: "d8", Message: "B", Sender: "u9", Way: WayREST}, Record{Kind: Refused, Client: 4, Op: "d8", Code: "forbidden", Way: WayREST})
	return before(of(Stays, 1), append(more, Record{Kind: Stays, Client: 4})...)(t, h)
}

func TestRolesMayChange(t *testing.T) {
	if rep := check(moderated(t)); !rep.Clean || rep.Roles != 4 || rep.Turned != 2 {
		t.Errorf("%+v", rep)
	}
}

func TestWrongRolesAreFound(t *testing.T) {
	granted := func(op string) edit {
		return change(0, kind(Refused, op), func(r *Record) { r.Kind, r.Code, r.Version = Granted, "", 2 })
	}
	refused := func(op string) edit {
		return change(0, kind(Granted, op), func(r *Record) { r.Kind, r.Code = Refused, "not_allowed" })
	}
	for _, c := range []struct {
		name string
		edit edit
		want string
		text string
	}{
		{"a right is missing that was never taken", refused("q1"), "unexplained", `op q1 was refused with "not_allowed"`},
		{"and one that came back, by who has said so", refused("q5"), "unexplained", `op q5 was refused with "not_allowed"`},
		{"a right is left after it was told to be gone", granted("q3"), "unexplained", "op q3 was acknowledged, and its sender may not do that"},
		{"a message is deleted by who does not moderate", change(0, isKind(Role), func(r *Record) { r.To = most }), "unexplained", "op d1 was acknowledged, and its sender may not do that"},
		{"another's message is deleted as if it were one's own", all(func(r *Record) bool { return r.Deleted != "" }, func(r *Record) { r.DeletedBy = "sender" }),
			"unexplained", "was deleted as by a sender at 16, and nobody asked for it"},
		{"who moderates finds nothing to delete", change(0, kind(Delete, "d9"), func(r *Record) { r.Sender = "mod" }), "unexplained", `op d9 was refused with "not_found"`},
		{"and is forbidden to", change(0, kind(Delete, "d8"), func(r *Record) { r.Sender = "mod" }), "unexplained", `op d8 was refused with "forbidden"`},
		{"a message to everybody by who may not", both(change(0, kind(Refused, "s1"), func(r *Record) { r.Kind, r.Code = Granted, "" }), change(0, kind(Send, "s1"), func(r *Record) {
			r.On, r.Sender = true, "u8"
		})), "unexplained", "op s1 was acknowledged, and its sender may not do that"},
		{"a role goes back", before(of(Stays, 4), Record{Kind: RoleTold, Client: 4, Sender: "u9", Code: "visitor-0"}, Record{Kind: RoleTold, Client: 4, Sender: "u9", Code: "member-1", To: most}),
			"lost", "its user's role was told to be member-1, and then visitor-0 again"},
		{"a role is never told", drop(2, isKind(RoleTold)), "lost", "its user's role is member-1 in the end, and it was never told more than visitor-0"},
		{"a role that the user never had", before(of(Stays, 4), Record{Kind: RoleTold, Client: 4, Sender: "u9", Code: "owner"}), "unexplained", `told to be "owner", which it never was`},
		{"a role with other rights", change(0, isKind(RoleTold), func(r *Record) { r.To = everything }), "unexplained", "as member it may"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.text == "its user's role is member-1 in the end, and it was never told more than visitor-0" {
				c.edit = both(c.edit, without(func(r *Record) bool { return r.Op == "q5" })) // who knows of nothing else
			}
			finds(t, c.edit(t, moderated(t)), c.want, c.text)
		})
	}
}

// What a faithful server may do, and looks like one of the above.
func TestOddRolesAreClean(t *testing.T) {
	for _, c := range []struct {
		name string
		edit edit
	}{
		{"a server has looked already, and has not told yet", change(0, kind(Granted, "q2"), func(r *Record) { r.Kind, r.Code = Refused, "not_allowed" })},
		{"a role that came back counts before it is told", change(0, kind(Refused, "q4"), func(r *Record) { r.Kind, r.Code, r.Version = Granted, "", 2 })},
		{"another server has not looked yet", both(
			change(0, kind(Refused, "q3"), func(r *Record) { r.Kind = Cut }),
			before(kind(Send, "s1"), Record{Kind: Joined, Client: 4, Since: 17, Seq: 17}, Record{Kind: Resend, Client: 4, Op: "q3"}, Record{Kind: Granted, Client: 4, Op: "q3", Version: 2}))},
		{"over REST a right is left for a moment", both(
			change(0, kind(Pin, "q3"), func(r *Record) { r.Way = WayREST }),
			change(0, kind(Refused, "q3"), func(r *Record) { r.Kind, r.Code, r.Way = Granted, "", WayREST }))},
		{"who moderates deletes again", before(of(Stays, 4), Record{Kind: Delete, Client: 3, Op: "d7", Message: "A", Sender: "mod"}, Record{Kind: Granted, Client: 3, Op: "d7", Version: 2})},
		{"a connection of version 1 is told no role", without(isKind(RoleTold))},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := c.edit(t, moderated(t))
			if c.name == "a connection of version 1 is told no role" {
				h = without(func(r *Record) bool { return r.Op == "q3" || r.Op == "q5" })(t, h)
			}
			if rep := check(h); !rep.Clean {
				t.Errorf("lost %v, repeated %v, reordered %v, unexplained %v", rep.Lost.First, rep.Repeated.First, rep.Reordered.First, rep.Unexplained.First)
			}
		})
	}
}
