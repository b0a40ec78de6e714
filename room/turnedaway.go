package room

import (
	"errors"

	"github.com/caravan-chat/caravan/protocol/token"
)

// Why a good token's user is turned away; wrapped beside ErrUnauthorized.
var (
	errUnknownUser  = errors.New("unknown user")
	errInactiveUser = errors.New("inactive user")
)

// nobody says why a user counts for nobody.
func (a *Access) nobody() error {
	if a.Inactive {
		return errInactiveUser
	}
	return errUnknownUser
}

// WhyTurnedAway says in a word or two why a client is turned away, for logs: of a closed set,
// and without anything that the client has said.
func WhyTurnedAway(err error) string {
	if why := token.ReasonOf(err); why != "" {
		return string(why)
	}
	for _, c := range []struct {
		err error
		why string
	}{
		{errUnknownUser, errUnknownUser.Error()}, {errInactiveUser, errInactiveUser.Error()}, {ErrUnauthorized, "unauthorized"},
		{ErrForbidden, "no collaborator"}, {ErrRateLimited, "read rate"}, {token.ErrKeysAway, "key not known yet"},
	} {
		if errors.Is(err, c.err) {
			return c.why
		}
	}
	return "unavailable"
}

// WhyNobody is WhyTurnedAway for the answer to an access question.
func WhyNobody(a *Access) string { return a.nobody().Error() }
