package app_test

import (
	"fmt"
	"strings"
	"testing"

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
		jonas.read()
		jonas.read()

		if got := s.call(bearer(t, 2), "DELETE", messagesPath+m.ID+"/", ""); got.StatusCode != 403 || got.code() != "forbidden" {
			t.Errorf("another's: %d %s", got.StatusCode, got.body)
		}
		var deleted, again message
		s.call(bearer(t, 0), "DELETE", messagesPath+m.ID+"/", "").into(t, 200, &deleted)
		if deleted.Content != "gone" || deleted.DeletedAt == nil || deleted.DeletedBy != "sender" || deleted.Seq != 1 || deleted.Rev != 3 {
			t.Errorf("deleted: %+v", deleted)
		}
		for _, who := range []int{0, 1} {
			s.call(bearer(t, who), "DELETE", messagesPath+m.ID, "").into(t, 200, &again)
			if again.Rev != 3 || again.DeletedBy != "sender" || again.Content != "gone" {
				t.Errorf("again by %d: %+v", who, again)
			}
		}
		if f := jonas.read(); f.Type != "message_edited" || f.Message.Content != "gone" || f.Seq != 3 {
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
		if deleted.DeletedBy != "moderator" || deleted.Rev != 4 {
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
			texts := ""
			for _, m := range p.Results {
				texts += m.Content
			}
			all, path = texts+all, ""
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
