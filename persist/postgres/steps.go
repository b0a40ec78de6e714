package postgres

import "github.com/caravan-chat/caravan/room"

// firstRows is how many rows are asked for at first, and moreRows how many times as
// many the next time.
const (
	firstRows = 64
	moreRows  = 4
)

// inSteps reads up to a limit, with a function that begins anew each time and reports
// whether the count ended its answer: then more may fit. PostgreSQL makes and sends all
// rows that a statement asks for, also those after the one at which the reading stops.
// So few are asked for at first: long messages come in few rows, and a thousand short
// ones in three questions.
func inSteps(limit room.Limit, read func(room.Limit) (counted bool, err error)) error {
	step := limit
	if limit.Bytes > 0 {
		step.Messages = min(step.Messages, firstRows)
	}
	for {
		counted, err := read(step)
		if err != nil || !counted || step.Messages == limit.Messages {
			return err
		}
		step.Messages = min(step.Messages*moreRows, limit.Messages)
	}
}
