package metrics

import "github.com/caravan-chat/caravan/room"

var (
	numbersWritten  = counter("numbers_written", "Rooms of which the database said that their number was written, since the look before.")
	numbersCompared = counter("numbers_compared", "Rooms whose number was compared with the database's, to find what nobody told.")
	rightsWritten   = counter("rights_written", "Users, trips and members of which the database said that their rights may have changed, since the look before.")
	rechecks        = counter("rechecks", "Members whose rights were looked at again.")
)

// rounds is what is asked of the database again and again.
func (s sink) rounds(n *room.Stats) {
	s.number(numbersWritten, float64(n.NumbersWritten))
	s.number(numbersCompared, float64(n.NumbersCompared))
	s.number(rightsWritten, float64(n.RightsWritten))
	s.number(rechecks, float64(n.Rechecks))
}
