package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

func testAccess(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 0)
	member, other := w.users[0], w.users[1]
	trip := persist.Trip{ID: uuid.New(), Title: "Lisbon"}
	w.seed(&persist.Seeds{
		Trips:         []persist.Trip{trip},
		Collaborators: []persist.Collaborator{{Trip: trip.ID, User: member.ID, Role: "owner"}},
	})
	ask := func(questions ...room.AccessQuestion) []room.Access {
		t.Helper()
		answers, err := w.store.Access(w.ctx(), questions)
		if err != nil || len(answers) != len(questions) {
			t.Fatalf("%v, %v", answers, err)
		}
		return answers
	}

	stranger := uuid.New()
	before := ask(
		room.AccessQuestion{User: stranger, Place: trip.ID},
		room.AccessQuestion{User: other.ID, Place: trip.ID, TripOnly: true},
		room.AccessQuestion{User: member.ID, Place: uuid.New()},
		room.AccessQuestion{User: member.ID, Place: trip.ID, TripOnly: true},
		room.AccessQuestion{User: member.ID, Place: trip.ID},
	)
	info := before[3].Room
	want := []room.Access{
		{},
		{UserKnown: true, User: other},
		{UserKnown: true, User: member},
		{UserKnown: true, User: member, Allowed: true, Role: "owner", Room: info},
		{UserKnown: true, User: member, Allowed: true, Role: "owner", Room: info},
	}
	if !slices.Equal(before, want) {
		t.Errorf("got  %+v\nwant %+v", before, want)
	}
	if info.ID == uuid.Nil || info.TripID != trip.ID || info.Title != "Lisbon" || info.Seq != 0 {
		t.Errorf("room %+v", info)
	}

	op := w.send2(info, member)
	w.append(op)
	info.Seq = 1
	after := ask(
		room.AccessQuestion{User: member.ID, Place: info.ID},
		room.AccessQuestion{User: member.ID, Place: info.ID, TripOnly: true},
		room.AccessQuestion{User: other.ID, Place: info.ID},
		room.AccessQuestion{User: stranger, Place: info.ID},
	)
	want = []room.Access{
		{UserKnown: true, User: member, Allowed: true, Role: "owner", Room: info},
		{UserKnown: true, User: member},
		{UserKnown: true, User: other},
		{},
	}
	if !slices.Equal(after, want) {
		t.Errorf("got  %+v\nwant %+v", after, want)
	}
	if answers := ask(); len(answers) != 0 {
		t.Errorf("no questions: %v", answers)
	}
}

// testRoles: the role is what the application's table says at this moment. One that nobody
// can name is none, and keeps nobody out. Of two the first counts.
func testRoles(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	ask := func(r, u int) room.Access {
		t.Helper()
		answers, err := w.store.Access(w.ctx(), []room.AccessQuestion{
			{User: w.users[u].ID, Place: w.rooms[r]}, {User: w.users[u].ID, Place: w.trips[w.rooms[r]], TripOnly: true},
		})
		if err != nil || !answers[0].Allowed || answers[0] != answers[1] {
			t.Fatalf("%+v, %v", answers, err)
		}
		return answers[0]
	}
	set := func(role string) {
		t.Helper()
		w.app(fmt.Sprintf("UPDATE collaborators SET role = %s WHERE user_id = '%s' AND trip_id = '%s'", role, w.users[1].ID, w.trips[w.rooms[0]]))
	}
	long := strings.Repeat("é", protocol.RoleRunesMax)
	for role, want := range map[string]string{
		"'owner'": "owner", "'tour \"guide\"; é'": "tour \"guide\"; é", "''": "", "' Owner'": " Owner",
		"'" + long + "'": long, "'" + long + "x'": "", "'" + strings.Repeat("x", 10_000) + "'": "",
	} {
		set(role)
		if got := ask(0, 1).Role; got != want {
			t.Errorf("%s is told as %q", role, got)
		}
	}
	set("'viewer'")
	if a, b, c := ask(0, 1).Role, ask(1, 1).Role, ask(0, 0).Role; a != "viewer" || b != "member" || c != "member" {
		t.Errorf("one trip's role is another's, or another user's: %q, %q, %q", a, b, c)
	}
}

// testAccessReadSeq: with the right comes how far the user has read.
func testAccessReadSeq(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 2)
	w.append(w.send(0, 0, "x"), w.send(0, 0, "y"), w.send(1, 0, "x"), w.read(0, 1, 2))
	must := func(r, u int, want int64) {
		t.Helper()
		answers, err := w.store.Access(w.ctx(), []room.AccessQuestion{{User: w.users[u].ID, Place: w.rooms[r]}})
		if err != nil || answers[0].ReadSeq != want {
			t.Errorf("user %d in room %d: %+v, %v; want %d", u, r, answers, err, want)
		}
	}
	must(0, 1, 2)
	must(0, 0, 0)
	must(1, 1, 0)
	w.app("DELETE FROM chat_messages WHERE seq = 2")
	w.app("UPDATE chat_rooms SET last_seq = 1 WHERE last_seq = 2")
	must(0, 1, 1)
}

// testTripWithARoomsID has a stranger make a trip whose id is that of a room.
func testTripWithARoomsID(t *testing.T, open Open) {
	w := newWorld(t, open, 1, 1)
	member, mallory := w.users[0], persist.Fleet(2, 0).Users[1]
	w.seed(&persist.Seeds{
		Users:         []protocol.User{mallory},
		Trips:         []persist.Trip{{ID: w.rooms[0], Title: "Trap"}},
		Collaborators: []persist.Collaborator{{Trip: w.rooms[0], User: mallory.ID, Role: "owner"}},
	})
	answers, err := w.store.Access(w.ctx(), []room.AccessQuestion{
		{User: member.ID, Place: w.rooms[0]},
		{User: member.ID, Place: w.rooms[0], TripOnly: true},
		{User: mallory.ID, Place: w.rooms[0]},
		{User: mallory.ID, Place: w.rooms[0], TripOnly: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if a := answers[0]; !a.Allowed || a.Room.ID != w.rooms[0] || a.Room.Title != "Trip 0" {
		t.Errorf("the room's member, by its id: %+v", a)
	}
	if answers[1].Allowed || answers[2].Allowed {
		t.Errorf("the member in the other trip: %+v; the stranger in the room: %+v", answers[1], answers[2])
	}
	if a := answers[3]; !a.Allowed || a.Room.ID == w.rooms[0] || a.Room.Title != "Trap" {
		t.Errorf("the stranger in their own trip: %+v", a)
	}
}

func (w *world) send2(in room.Info, sender protocol.User) *room.Op {
	return &room.Op{
		Intent: protocol.Intent{Kind: protocol.KindMessage, MessageID: uuid.Must(uuid.NewV7()), Content: "x", Type: protocol.TypeText},
		Room:   in.ID, Trip: in.TripID, Sender: sender, At: now(),
	}
}

func testRoomMadeOnce(t *testing.T, open Open) {
	w := newWorld(t, open, 10, 0)
	seeds := &persist.Seeds{}
	var questions []room.AccessQuestion
	for range 3 {
		trip := persist.Trip{ID: uuid.New(), Title: "T"}
		seeds.Trips = append(seeds.Trips, trip)
		for _, u := range w.users {
			seeds.Collaborators = append(seeds.Collaborators, persist.Collaborator{Trip: trip.ID, User: u.ID, Role: "member"})
			questions = append(questions, room.AccessQuestion{User: u.ID, Place: trip.ID})
		}
	}
	w.seed(seeds)
	ids := make([]map[uuid.UUID]uuid.UUID, 10) // by goroutine: trip → room
	var wg sync.WaitGroup
	for n := range ids {
		ids[n] = map[uuid.UUID]uuid.UUID{}
		wg.Go(func() {
			answers, err := w.store.Access(t.Context(), questions)
			if err != nil {
				t.Error(err)
				return
			}
			for _, a := range answers {
				if known, ok := ids[n][a.Room.TripID]; !a.Allowed || ok && known != a.Room.ID {
					t.Errorf("%+v", a)
				}
				ids[n][a.Room.TripID] = a.Room.ID
			}
		})
	}
	wg.Wait()
	for n := range ids {
		for trip, id := range ids[0] {
			if ids[n][trip] != id {
				t.Errorf("trip %v has rooms %v and %v", trip, ids[n][trip], id)
			}
		}
	}
}

func testRooms(t *testing.T, open Open) {
	w := newWorld(t, open, 2, 0)
	member, other := w.users[0], w.users[1]
	seeds := &persist.Seeds{}
	titles := map[uuid.UUID]string{}
	for _, title := range []string{"A", "B", "C", "D", "E"} {
		trip := persist.Trip{ID: uuid.New(), Title: title}
		titles[trip.ID] = title
		seeds.Trips = append(seeds.Trips, trip)
		seeds.Collaborators = append(seeds.Collaborators, persist.Collaborator{Trip: trip.ID, User: member.ID, Role: "member"})
	}
	seeds.Collaborators = append(seeds.Collaborators, persist.Collaborator{Trip: seeds.Trips[0].ID, User: other.ID, Role: "member"})
	w.seed(seeds)

	list := func(user, after uuid.UUID, limit int) []room.Summary {
		t.Helper()
		rooms, err := w.store.Rooms(w.ctx(), user, after, room.Limit{Messages: limit})
		if err != nil {
			t.Fatal(err)
		}
		return rooms.Rooms
	}
	all := list(member.ID, uuid.Nil, 100)
	if len(all) != 5 {
		t.Fatalf("%d rooms", len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b room.Summary) int { return bytes.Compare(a.ID[:], b.ID[:]) }) {
		t.Error("not in the order of ids")
	}
	for _, s := range all {
		if s.Title != titles[s.TripID] || s.Seq != 0 || s.Last != nil {
			t.Errorf("%+v", s)
		}
	}
	if one := list(other.ID, uuid.Nil, 100); len(one) != 1 || one[0].Title != "A" {
		t.Errorf("the other's: %+v", one)
	}
	if none := list(uuid.New(), uuid.Nil, 100); len(none) != 0 {
		t.Errorf("a stranger's: %+v", none)
	}

	first, second := w.send2(all[1].Info, member), w.send2(all[1].Info, member)
	edit := w.send2(all[1].Info, member)
	edit.Kind, edit.MessageID, edit.Row, edit.Content = protocol.KindEdit, first.MessageID, uuid.New(), "edited"
	w.append(first, second, edit)
	var paged []room.Summary
	for after := uuid.Nil; ; after = paged[len(paged)-1].ID {
		page := list(member.ID, after, 2)
		if len(page) == 0 {
			break
		}
		if len(page) > 2 {
			t.Fatalf("%d rooms in a page of 2", len(page))
		}
		paged = append(paged, page...)
	}
	if len(paged) != 5 {
		t.Fatalf("%d rooms in pages", len(paged))
	}
	for i, s := range paged {
		want := all[i]
		if i == 1 {
			want.Seq, want.Reading.Looked = 3, 3 // messages of the caller, and a change
			if s.Last == nil {
				t.Fatal("no last message")
			}
			w.same(s.Last, second.Message)
			s.Last = nil
		}
		if s != want {
			t.Errorf("got %+v, want %+v", s, want)
		}
	}
}
