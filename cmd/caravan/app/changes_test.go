package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/persist"
)

// seedRoles has users 0, 1 and 2 in trip 0 with those roles.
func (s *server) seedRoles(roles ...string) {
	seeds := persist.Fleet(len(roles), 1)
	seeds.Collaborators = nil
	for i, role := range roles {
		seeds.Collaborators = append(seeds.Collaborators, persist.Collaborator{Trip: seeds.Trips[0].ID, User: seeds.Users[i].ID, Role: role})
	}
	s.seed(seeds)
}

// TestRESTDeletes: what is left is a tombstone, the same one however often it is asked
// for, and everybody is told once.
func TestRESTDeletes(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database, "--roles", "boss=all;poster=send", "--deleted-text", "gone", "--rate", "0")
		s.seedRoles("member", "boss", "member", "poster")
		trip := persist.FleetTrip(0).String()
		jonas, _ := s.join(2, 0)
		m := s.post(0, trip, "secret")
		var answer message
		s.call(bearer(t, 2), "POST", messagesPath, fmt.Sprintf(`{"chat_room":%q,"content":"what?","reply_to":%q}`, trip, m.ID)).into(t, 201, &answer)
		for range 3 { // and that the message has an answer
			jonas.read()
		}

		if got := s.call(bearer(t, 2), "DELETE", messagesPath+m.ID+"/", ""); got.StatusCode != 403 || got.code() != "forbidden" {
			t.Errorf("another's: %d %s", got.StatusCode, got.body)
		}
		var deleted, again message
		s.call(bearer(t, 0), "DELETE", messagesPath+m.ID+"/", "").into(t, 200, &deleted)
		if deleted.Content != "gone" || deleted.DeletedAt == nil || deleted.DeletedBy != "sender" || deleted.Seq != 1 || deleted.Rev != 4 {
			t.Errorf("deleted: %+v", deleted)
		}
		for _, who := range []int{0, 1} {
			s.call(bearer(t, who), "DELETE", messagesPath+m.ID, "").into(t, 200, &again)
			if again.Rev != 4 || again.DeletedBy != "sender" || again.Content != "gone" {
				t.Errorf("again by %d: %+v", who, again)
			}
		}
		if f := jonas.read(); f.Type != "message_edited" || f.Message.Content != "gone" || f.Seq != 4 {
			t.Errorf("a member got %+v", f)
		}
		for _, path := range []string{messagesPath + m.ID, roomsPath + trip + "/messages/", roomsPath + trip + "/messages/?since=0", messagesPath + m.ID + "/replies/", roomsPath} {
			if got := s.call(bearer(t, 2), "GET", path, ""); got.StatusCode != 200 || strings.Contains(string(got.body), "secret") {
				t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
			}
		}
		if got := s.call(bearer(t, 0), "PATCH", messagesPath+m.ID, `{"content":"x"}`); got.StatusCode != 404 || got.code() != "not_found" {
			t.Errorf("edited: %d %s", got.StatusCode, got.body)
		}

		s.call(bearer(t, 1), "DELETE", messagesPath+answer.ID, "").into(t, 200, &deleted)
		if deleted.DeletedBy != "moderator" || deleted.Rev != 5 {
			t.Errorf("by a moderator: %+v", deleted)
		}
		own, other := s.post(3, trip, "mine"), s.post(0, trip, "theirs")
		if got := s.call(bearer(t, 3), "DELETE", messagesPath+own.ID, ""); got.StatusCode != 403 || got.code() != "not_allowed" {
			t.Errorf("own without the permission: %d %s", got.StatusCode, got.body)
		}
		if got := s.call(bearer(t, 3), "DELETE", messagesPath+other.ID, ""); got.StatusCode != 403 || got.code() != "forbidden" {
			t.Errorf("another's without any: %d %s", got.StatusCode, got.body)
		}
	})
}

// TestRESTPagesReplies: the answers to a message, and who is not in its room sees none.
func TestRESTPagesReplies(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database, "--rate", "0")
		trip := persist.FleetTrip(0).String()
		original := s.post(0, trip, "where?")
		for i := range 3 {
			s.call(bearer(t, 2), "POST", messagesPath, fmt.Sprintf(`{"chat_room":%q,"content":"%d","reply_to":%q}`, trip, i, original.ID)).into(t, 201, new(message))
			s.post(0, trip, "besides")
		}
		path, all := messagesPath+original.ID+"/replies/?limit=2", ""
		for path != "" {
			var p page
			s.call(bearer(t, 0), "GET", path, "").into(t, 200, &p)
			var texts strings.Builder
			for _, m := range p.Results {
				texts.WriteString(m.Content)
			}
			all, path = texts.String()+all, ""
			if p.Previous != nil {
				path = *p.Previous
			}
		}
		if all != "012" {
			t.Errorf("answers %q", all)
		}
		if got := s.call(bearer(t, 1), "GET", messagesPath+original.ID+"/replies/", ""); got.StatusCode != 404 {
			t.Errorf("a stranger: %d %s", got.StatusCode, got.body)
		}
	})
}

// TestRESTPins: whoever may pin does it, and the list has the latest pin first.
func TestRESTPins(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database, "--roles", "reader=none", "--rate", "0")
		s.seedRoles("member", "reader", "owner")
		trip := persist.FleetTrip(0).String()
		jonas, _ := s.join(2, 0)
		one, two := s.post(0, trip, "one"), s.post(2, trip, "two")
		jonas.read()
		jonas.read()
		var m message
		for i, id := range []string{two.ID, one.ID, one.ID} {
			s.call(bearer(t, 2*(i%2)), "PUT", messagesPath+id+"/pin/", "").into(t, 200, &m)
			if m.PinnedAt == nil || m.IsEdited || !m.UpdatedAt.Equal(m.CreatedAt) || m.Rev != int64(3+min(i, 1)) {
				t.Errorf("pinned: %+v", m)
			}
		}
		pins := func() (texts string) {
			var list page
			s.call(bearer(t, 1), "GET", roomsPath+trip+"/pins/", "").into(t, 200, &list)
			for _, m := range list.Results {
				texts += m.Content + " "
			}
			return texts
		}
		if got := pins(); got != "one two " {
			t.Errorf("pins: %s", got)
		}
		if got := s.call(bearer(t, 1), "PUT", messagesPath+one.ID+"/pin/", ""); got.StatusCode != 403 || got.code() != "not_allowed" {
			t.Errorf("a reader: %d %s", got.StatusCode, got.body)
		}
		m = message{}
		s.call(bearer(t, 0), "DELETE", messagesPath+one.ID+"/pin", "").into(t, 200, &m)
		if m.PinnedAt != nil || m.Rev != 5 {
			t.Errorf("unpinned: %+v", m)
		}
		s.call(bearer(t, 0), "DELETE", messagesPath+one.ID+"/", "").into(t, 200, &m)
		for _, method := range []string{"PUT", "DELETE"} {
			got := s.call(bearer(t, 0), method, messagesPath+one.ID+"/pin/", "")
			if got.StatusCode != 404 || !strings.Contains(string(got.body), `"Not found"`) {
				t.Errorf("%s of a tombstone: %d %s", method, got.StatusCode, got.body)
			}
		}
		if got := pins(); got != "two " {
			t.Errorf("pins at last: %s", got)
		}
		for _, seq := range []int64{3, 4, 5, 6} {
			if f := jonas.read(); f.Type != "message_edited" || f.Seq != seq {
				t.Errorf("a member got %+v, want number %d", f, seq)
			}
		}
	})
}

// TestRESTRoomsSayWhatIsTheirs: how far the caller has read, what is unread, and the role; alone as in the list.
func TestRESTRoomsSayWhatIsTheirs(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database, "--rate", "0")
		s.seedRoles("member", "member", "member", "owner")
		trip := persist.FleetTrip(0).String()
		for _, more := range []string{"", fmt.Sprintf(`,"mentions":[%q]`, persist.FleetUser(3)), `,"mentions":[]`, `,"data":{"place":[1,2]}`} {
			s.call(bearer(t, 0), "POST", messagesPath, fmt.Sprintf(`{"chat_room":%q,"content":"x"%s}`, trip, more)).into(t, 201, new(message))
		}
		if got := s.call(bearer(t, 0), "POST", messagesPath, fmt.Sprintf(`{"chat_room":%q,"content":"x","mentions":[%q]}`, trip, persist.FleetUser(7))); got.StatusCode != 400 || got.code() != "invalid_mention" {
			t.Errorf("a stranger is mentioned: %d %s", got.StatusCode, got.body)
		}
		if got := s.call(bearer(t, 0), "POST", messagesPath, fmt.Sprintf(`{"chat_room":%q,"content":"x","mentions_all":true}`, trip)); got.StatusCode != 403 || got.code() != "not_allowed" {
			t.Errorf("everybody is mentioned: %d %s", got.StatusCode, got.body)
		}
		s.call(bearer(t, 3), "POST", roomsPath+trip+"/read/", `{"seq":1}`).into(t, 200, new(any))
		for who, want := range map[int]string{
			3: `"read_seq":1,"unread":3,"mentions":1,"first_seq":1,"role":"owner"}`,
			1: `"read_seq":0,"unread":4,"mentions":0,"first_seq":1,"role":"member"}`,
			0: `"read_seq":0,"unread":0,"mentions":0,"first_seq":1,"role":"member"}`,
		} {
			one, list := s.call(bearer(t, who), "GET", roomsPath+trip+"/", ""), s.call(bearer(t, who), "GET", roomsPath, "")
			if one.StatusCode != 200 || !strings.HasSuffix(string(one.body), want) || !strings.Contains(string(one.body), `"data":{"place":[1,2]}`) {
				t.Errorf("user %d: %d %s; want %s", who, one.StatusCode, one.body, want)
			}
			if !strings.Contains(string(list.body), string(one.body)) {
				t.Errorf("user %d: alone %s, in the list %s", who, one.body, list.body)
			}
		}
		if got := s.call(bearer(t, 1), "GET", roomsPath+uuid.NewString()+"/", ""); got.StatusCode != 404 {
			t.Errorf("no room: %d %s", got.StatusCode, got.body)
		}
	})
}

// TestRESTReactions: a state of each user, counted anew in each answer; which are the caller's own
// is in all that REST shows them, and in nothing that others get.
func TestRESTReactions(t *testing.T) {
	eachStore(t, func(t *testing.T, database string) {
		s := start(t, database, "--roles", "reader=none", "--rate", "0")
		roles := make([]string, 12)
		for i := range roles {
			roles[i] = "member"
		}
		roles[1] = "reader"
		s.seedRoles(roles...)
		trip := persist.FleetTrip(0).String()
		jonas, _ := s.join(2, 0)
		m := s.post(0, trip, "shall we?")
		jonas.read()
		path := messagesPath + m.ID + "/reactions/"
		thumb, heart := path+"%F0%9F%91%8D/", path+"%E2%9D%A4%EF%B8%8F"
		ask := func(user int, method, path, want string) {
			t.Helper()
			if got := s.call(bearer(t, user), method, path, ""); got.StatusCode != 200 || !strings.Contains(string(got.body), want) {
				t.Errorf("user %d: %s %s: %d %s, want %s", user, method, path, got.StatusCode, got.body, want)
			}
		}
		one := fmt.Sprintf(`{"reactions":[{"emoji":"👍","count":1,"by":[%q]}],"my_reactions":["👍"]}`, persist.FleetUser(0))
		ask(0, "PUT", thumb, one)
		ask(0, "PUT", thumb, one)
		if f := jonas.read(); f.Type != "message_edited" || f.Seq != 2 || f.Message.IsEdited {
			t.Errorf("a member got %+v", f)
		}
		for i := 2; i < 12; i++ { // more than are named
			ask(i, "PUT", thumb, fmt.Sprintf(`"count":%d`, i))
		}
		ask(2, "PUT", heart, `{"reactions":[{"emoji":"👍","count":11},{"emoji":"❤️","count":1}],"my_reactions":["👍","❤️"]}`)
		ask(3, "DELETE", heart, `"my_reactions":["👍"]}`)
		ask(3, "DELETE", thumb, `{"reactions":[{"emoji":"👍","count":10},{"emoji":"❤️","count":1}],"my_reactions":[]}`)
		await.Until(t, "the summary is told", func() bool {
			return strings.Contains(string(s.call(bearer(t, 1), "GET", messagesPath+m.ID, "").body), `"reactions":[{"emoji":"👍","count":10},{"emoji":"❤️","count":1}]`)
		})
		for _, place := range []string{messagesPath + m.ID, roomsPath, roomsPath + trip, roomsPath + trip + "/messages/", roomsPath + trip + "/messages/?since=0", roomsPath + trip + "/messages/?since=0&wait=1s"} {
			ask(0, "GET", place, `,"my_reactions":["👍"]}`)
			if got := s.call(bearer(t, 3), "GET", place, ""); strings.Contains(string(got.body), "my_reactions") {
				t.Errorf("who has none: %s: %s", place, got.body)
			}
			if got := string(s.call(bearer(t, 2), "GET", place, "").body); !strings.Contains(got, `"my_reactions":["👍","❤️"]`) && !strings.Contains(got, `"my_reactions":["❤️","👍"]`) {
				t.Errorf("%s: %s", place, got)
			}
		}
		var list struct {
			Results []struct {
				User  struct{ ID string }
				Emoji string
			}
			Next *string
		}
		var told, want []string
		for next, rows := path+"?limit=10", 10; rows > 0; rows = 11 - len(told) {
			list.Next = nil
			s.call(bearer(t, 1), "GET", next, "").into(t, 200, &list)
			if len(list.Results) != rows || (list.Next != nil) != (rows == 10) {
				t.Fatalf("%d rows, want %d: %+v", len(list.Results), rows, list)
			}
			for _, r := range list.Results {
				told = append(told, r.User.ID+r.Emoji)
			}
			if list.Next != nil {
				next = *list.Next
			}
		}
		for i := range 12 {
			switch i {
			case 1, 3: // the reader, and who took theirs back
			default:
				want = append(want, persist.FleetUser(i).String()+"👍")
			}
		}
		want = append(want, persist.FleetUser(2).String()+"❤️")
		slices.Sort(want)
		if got := slices.Sorted(slices.Values(told)); !slices.Equal(got, want) {
			t.Errorf("the pages have\n%q\nwant\n%q", got, want)
		}
		for _, x := range []struct {
			user   int
			path   string
			status int
			code   string
		}{
			{1, thumb, 403, "not_allowed"}, {0, path + "%20/", 400, "invalid_emoji"}, {0, messagesPath + uuid.NewString() + "/reactions/x", 404, "not_found"},
			{1, messagesPath + s.post(1, persist.FleetTrip(1).String(), "elsewhere").ID + "/reactions/x", 200, ""},
		} {
			if got := s.call(bearer(t, x.user), "PUT", x.path, ""); got.StatusCode != x.status || x.code != "" && got.code() != x.code {
				t.Errorf("%s: %d %s, want %d", x.path, got.StatusCode, got.body, x.status)
			}
		}
		s.call(bearer(t, 0), "DELETE", messagesPath+m.ID, "").into(t, 200, new(message))
		if got := s.call(bearer(t, 0), "PUT", thumb, ""); got.StatusCode != 404 || got.code() != "not_found" {
			t.Errorf("a tombstone: %d %s", got.StatusCode, got.body)
		}
		ask(0, "GET", path, `{"results":[],"next":null}`)
	})
}
