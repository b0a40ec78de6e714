package room_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

func TestACompactUserIsTheUser(t *testing.T) {
	for _, u := range []protocol.User{
		{},
		{ID: uuid.New()},
		{ID: uuid.New(), Email: "ada@example.org", Username: "ada", FirstName: "Ada", LastName: "Lovelace"},
		{ID: uuid.New(), Username: "Zoë\x00", LastName: "日本"},
		{Email: string(make([]byte, 70_000)), FirstName: "x"},
	} {
		c := room.Compact(&u)
		if is := c.User(); is != u || c.ID() != u.ID {
			t.Errorf("%+v became %+v", u, is)
		}
	}
	if is := room.CompactUser("").User(); is != (protocol.User{}) {
		t.Errorf("nobody is %+v", is)
	}
}
