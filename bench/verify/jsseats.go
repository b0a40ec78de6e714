package verify

import (
	"errors"
	"fmt"

	"github.com/caravan-chat/caravan/bench/fleet"
)

// jsMax is how many users the JavaScript library may run: they are in one process.
const jsMax = 64

// jsSeats is how many further members rooms need for so many users.
func jsSeats(users, rooms int) int { return (users + rooms - 1) / rooms }

// Seats is how many members each room of a run must have, for so many members and users of the JavaScript library.
func Seats(members, js, rooms int) int { return jsSeats(members, rooms) + jsSeats(js, rooms) }

// usersJS is how many users the fleet must have where the JavaScript library runs some.
func (c *Config) usersJS() int {
	if c.JS == 0 || c.Rooms == 0 {
		return 0
	}
	return c.Fleet.Trips * Seats(c.Members, c.JS, c.Rooms)
}

// checkJS checks what is asked for of the JavaScript library.
func (c *Config) checkJS() error {
	switch {
	case c.JS < 0 || c.JS > jsMax:
		return fmt.Errorf("%d users of the JavaScript library: there may be up to %d", c.JS, jsMax)
	case c.JS > 0 && c.Losses != nil:
		return errors.New("the JavaScript library runs no members where fail-overs lose something")
	case c.Fleet.Users < c.usersJS():
		return fmt.Errorf("%d users are too few: those of the JavaScript library have seats of their own; `%s` makes enough",
			c.Fleet.Users, fleet.Fleet{Users: c.usersJS(), Trips: c.Fleet.Trips}.SeedCommand())
	}
	return nil
}
