package benchtest

import "github.com/google/uuid"

// Faults break the contract on purpose. The zero value is a faithful server.
// Functions are called while the server's lock is held.
type Faults struct {
	// Deliver says what becomes of one event on its way to one member, the
	// nth to join the server.
	Deliver func(member int, seq int64) Fate
	// Refuse returns the code with which a message is refused; empty: it is not.
	Refuse func(clientID string) string
	// Present changes who is told to be in a room.
	Present func(here map[uuid.UUID]bool)
	// LimitTyping refuses each typing notice as over the rate.
	LimitTyping bool
	// StoreRefused stores and tells a message although it was refused.
	StoreRefused bool
	// Forget makes the store lose a message after it was told.
	Forget func(clientID string) bool
	// Silent takes a message and neither stores nor answers it.
	Silent func(clientID string) bool
	// KeepDeleted is asked at each deletion whether to leave the message as it is and say that
	// it is deleted. DeleteAgain is asked at each one of what is deleted whether it takes a number.
	KeepDeleted, DeleteAgain func() bool
	// MayAll is asked at each thing for which somebody lacks a permission whether they may do it.
	MayAll func() bool
	// KeepStrangers is asked each time that somebody is in the way who is no member of a trip, whether
	// they may stay as if they were: who acts wants to store something.
	KeepStrangers func(acts bool) bool
	// Serve changes what is served of a file, which is gone where its message is deleted. Nil: it is
	// not there.
	Serve func(bytes []byte, gone bool) []byte
	// ShareFiles is called for each file that a message has already, and that another one then has, too. Nil: it may not.
	ShareFiles func()
	// History and Resume return how many messages of a first frame are shown, of
	// so many; the others, at its end, are left out.
	History, Resume func(n int) int
	// Endless takes no further tokens, and lets users' sockets live on when theirs end. Unwarned
	// does not say that they will.
	Endless, Unwarned bool
	// Gullible is called for each token that is not good, and that is then taken.
	Gullible func()
	// Clinging acknowledges that a room is unsubscribed, and goes on telling it. Hasty
	// acknowledges that a room is subscribed before it tells the history.
	Clinging, Hasty bool
	// Reject refuses handshakes with this HTTP status.
	Reject int
	// CloseCode closes each session right after its handshake.
	CloseCode uint16
}

// Fate is what becomes of a delivery.
type Fate uint8

// The fates.
const (
	Deliver Fate = iota
	Drop
	Twice
	Later // after the event that follows it
)
