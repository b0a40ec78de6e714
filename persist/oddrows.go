package persist

import (
	"log/slog"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// oddRowsMax is how many rows an OddRows remembers. Then it forgets them, and
// tells of them again.
const oddRowsMax = 1000

// OddRows logs which rows cannot be read, each once. Safe for concurrent use.
type OddRows struct {
	log  *slog.Logger
	mu   sync.Mutex
	told map[oddRow]struct{}
}

type oddRow struct{ table, id string }

// NewOddRows returns an OddRows that has told of nothing yet.
func NewOddRows(log *slog.Logger) *OddRows {
	return &OddRows{log: log, told: make(map[oddRow]struct{})}
}

// Tell says that a row of the table cannot be read as a whole, and why.
func (o *OddRows) Tell(table, id string, why error) {
	row := oddRow{table, id}
	o.mu.Lock()
	_, told := o.told[row]
	if !told {
		if len(o.told) >= oddRowsMax {
			clear(o.told)
		}
		o.told[row] = struct{}{}
	}
	o.mu.Unlock()
	if !told {
		o.log.Warn("a row cannot be read: what is wrong in it is left out", "table", table, "id", id, "error", why)
	}
}

// Behind calls read with each message that refused ops of a batch refer to, and for
// which they may have been refused, so that it is told where it cannot be read.
func (o *OddRows) Behind(batch []*room.Op, read func(uuid.UUID)) {
	for _, op := range batch {
		if op.Err != protocol.ErrInternal && op.Err != protocol.ErrInvalidContent {
			continue
		}
		lookup := NewLookup([]*room.Op{op})
		for _, id := range slices.Concat(lookup.Messages, lookup.Originals) {
			read(id)
		}
	}
}
