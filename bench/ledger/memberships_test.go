package ledger

import (
	"slices"
	"testing"
)

// removed is what two clients do in a room that stands at 10, while the user of the first one, u1,
// loses its membership and gets it back; and of client 2, u2, who never does.
func removed() []Record {
	move := func(kind Kind) Record { return Record{Kind: kind, Client: 1, Sender: "u1"} }
	send := func(op string) Record {
		return Record{Kind: Mark, Client: 1, Op: op, Sender: "u1", Seq: 10}
	}
	return []Record{
		{Kind: Begin, Seq: 10},
		{Kind: Joined, Client: 1, Since: -1, Prev: -1, Seq: 10}, {Kind: Joined, Client: 2, Since: -1, Prev: -1, Seq: 10},
		move(Leaves),
		send("m1"), {Kind: Granted, Client: 1, Op: "m1"}, // it may be one still
		move(Gone),
		send("m2"), {Kind: Refused, Client: 1, Op: "m2", Code: "forbidden"},
		{Kind: Ended, Client: 1, Sender: "u1", Code: "4003"},
		send("m3"), {Kind: Refused, Client: 1, Op: "m3", Code: "not_found"},
		move(Returns),
		send("m4"), {Kind: Granted, Client: 1, Op: "m4"}, // it may be one already
		move(Back),
		{Kind: Joined, Client: 1, Since: 10, Prev: 10, Seq: 10},
		{Kind: Ended, Client: 1, Sender: "u1", Code: "4003"}, // by a look that has begun before
		{Kind: Joined, Client: 1, Since: 10, Prev: 10, Seq: 10},
		send("m5"), {Kind: Granted, Client: 1, Op: "m5"},
		{Kind: Stays, Client: 1}, {Kind: Stays, Client: 2}, {Kind: End, Seq: 10},
	}
}

func TestAMembershipMayBeLost(t *testing.T) {
	if rep := check(removed()); !rep.Clean || rep.Removed != 1 || rep.TurnedOut != 2 {
		t.Errorf("%+v", rep)
	}
}

func TestWrongMembershipsAreFound(t *testing.T) {
	answer := func(op string, to func(*Record)) edit {
		return change(0, func(r *Record) bool { return (r.Kind == Refused || r.Kind == Granted) && r.Op == op }, to)
	}
	granted := func(r *Record) { r.Kind, r.Code = Granted, "" }
	forbidden := func(r *Record) { r.Kind, r.Code = Refused, "forbidden" }
	last := func(more ...Record) edit {
		return func(_ *testing.T, h []Record) []Record { return slices.Insert(h, len(h)-3, more...) }
	}
	for _, c := range []struct {
		name string
		edit edit
		text string
	}{
		{"what a stranger asks for is stored", answer("m2", granted), "op m2 was acknowledged, and its sender is no member of room 0"},
		{"a member is refused who is one again", answer("m5", forbidden), `op m5 was refused with "forbidden"`},
		{"a stranger is let in", before(of(Returns, 1), Record{Kind: Joined, Client: 1, Since: 10, Prev: 10, Seq: 10, Outside: true}), "it was let in, and its user was no member of room 0"},
		{"a member is turned out who is one again", last(Record{Kind: Joined, Client: 1, Since: 10, Prev: 10, Seq: 10}, Record{Kind: Ended, Client: 1, Sender: "u1", Code: "4003"}), "its connection was ended with 4003"},
		{"somebody else is turned out", before(of(Returns, 1), Record{Kind: Ended, Client: 2, Sender: "u2", Code: "4003"}), "client 2: its connection was ended with 4003"},
		{"a member is sent away in another way", change(0, isKind(Ended), func(r *Record) { r.Code = "4001" }), "its connection was ended with 4001"},
	} {
		t.Run(c.name, func(t *testing.T) { finds(t, c.edit(t, removed()), "unexplained", c.text) })
	}
}
