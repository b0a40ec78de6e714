package backplane

import (
	"sync"
	"time"

	"github.com/caravan-chat/caravan/room"
)

// doubted are the reasons for which something was not believed, for the log: each is
// told once, and again after it was gone for doubtedAgain, or another primary has taken
// over. Safe for concurrent use.
type doubted struct {
	mu  sync.Mutex
	met map[error]doubt
}

// doubt is when a reason was met last, and what timeline there was then.
type doubt struct {
	at time.Time
	on room.Timeline
}

// first says whether to tell of the reason, which was met now.
func (d *doubted) first(why error, on room.Timeline, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	last, met := d.met[why]
	if d.met == nil {
		d.met = make(map[error]doubt)
	}
	d.met[why] = doubt{now, on}
	return !met || now.Sub(last.at) >= doubtedAgain || on != last.on
}
