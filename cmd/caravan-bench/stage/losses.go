package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/protocol"
)

// losses tells the ledger what asynchronous fail-overs lost: from which number on each
// room went another way, what the old primary had beyond that, and what stands in the
// end. Nil: nothing may be lost, and nothing is told. Begin and End are of the account,
// the others of the database's part.
type losses struct {
	*takeovers
	from []map[int]int64 // of each fail-over, the last number of each room that both have
}

// Begin takes the account's way to note something.
func (l *losses) Begin(note func(ledger.Record)) {
	l.begin(note)
	for i, n := range l.stage.nodes {
		left := func() { note(ledger.Record{Kind: ledger.Left, Node: i + 1}) }
		n.left.Store(&left) // the first fault may be under way
	}
}

// deaf notes that the standby hears nothing from now on.
func (l *losses) deaf() {
	if l != nil {
		l.note(ledger.Record{Kind: ledger.Deaf})
	}
}

// fork notes where the rooms stand on the server that is about to take over.
func (l *losses) fork(next *pgserver.Server) error {
	if l == nil {
		return nil
	}
	from := map[int]int64{}
	err := l.read(next, "SELECT trip_id, last_seq FROM chat_rooms", func(room int, fields []string) (err error) {
		from[room], err = strconv.ParseInt(fields[0], 10, 64)
		return err
	})
	if err != nil {
		return err
	}
	l.from = append(l.from, from)
	for room, number := range from {
		l.note(ledger.Record{Kind: ledger.Forked, Room: room, Seq: number, FailOver: len(l.from)})
	}
	return nil
}

// lost notes what the old primary has beyond the new one.
func (l *losses) lost(old *pgserver.Server) error {
	if l == nil {
		return nil
	}
	n := l.count
	return l.readLog(old, l.from[n-1], func(r ledger.Record) {
		r.Kind, r.FailOver = ledger.Undone, n
		l.note(r)
	})
}

// End notes what stands, and which of the losses each server has told its operator.
func (l *losses) End(context.Context) error {
	l.unwatch()
	if len(l.from) == 0 {
		return nil
	}
	least := map[int]int64{}
	for _, from := range l.from {
		for room, number := range from {
			if known, ok := least[room]; !ok || number < known {
				least[room] = number
			}
		}
	}
	err := l.readLog(l.pair.server, least, func(r ledger.Record) {
		r.Kind = ledger.Stands
		l.note(r)
	})
	if err != nil {
		return err
	}
	return l.readNoticed()
}

// eventLog selects the rows of the log beyond a number of each room: of messages that were made, and of
// changes. The time of an edit is what members are told with it, the message's, which does not go back: an
// edit may have been accepted before one that was stored before it.
const eventLog = `SELECT r.trip_id, e.seq, e.message, (extract(epoch FROM e.at) * 1000000)::bigint, e.kind
	FROM (SELECT room, seq, message, kind,
			CASE WHEN texts THEN max(at) FILTER (WHERE texts) OVER (PARTITION BY message ORDER BY seq) ELSE at END AS at
		FROM (SELECT chat_room_id AS room, seq, id AS message, created_at AS at, %[1]d AS kind, true AS texts FROM chat_messages
			UNION ALL SELECT chat_room_id, seq, message_id, at, kind, kind IN (%[2]d, %[3]d) FROM chat_events) every) e
	JOIN chat_rooms r ON r.id = e.room
	JOIN (VALUES %[4]s) AS beyond(trip, seq) ON beyond.trip = r.trip_id AND e.seq > beyond.seq`

// readLog reads a server's log of each room beyond a number.
func (l *losses) readLog(server *pgserver.Server, from map[int]int64, note func(ledger.Record)) error {
	var beyond []string
	for room, number := range from {
		beyond = append(beyond, fmt.Sprintf("('%s'::uuid, %d)", fleet.Trip(room), number))
	}
	sql := fmt.Sprintf(eventLog, protocol.KindMessage, protocol.KindEdit, protocol.KindDelete, strings.Join(beyond, ", "))
	return l.read(server, sql, func(room int, fields []string) error {
		seq, err := strconv.ParseInt(fields[0], 10, 64)
		micros, err2 := strconv.ParseInt(fields[2], 10, 64)
		r := ledger.Record{Room: room, Seq: seq, Message: fields[1], Updated: time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)}
		switch fields[3] {
		case strconv.Itoa(int(protocol.KindMessage)):
			r.Made = seq
		case strconv.Itoa(int(protocol.KindEdit)), strconv.Itoa(int(protocol.KindDelete)):
			r.Edited = true
		case strconv.Itoa(int(protocol.KindPin)):
			r.Change = "pin"
		}
		note(r)
		return errors.Join(err, err2)
	})
}

// read runs a query whose first column is a trip, and takes the others of each room of
// the account.
func (l *losses) read(server *pgserver.Server, sql string, take func(room int, fields []string) error) error {
	out, err := server.Exec(l.pair.name, sql)
	if err != nil {
		return err
	}
	rooms := map[string]int{}
	for room := range l.stage.trips {
		rooms[fleet.Trip(room).String()] = room
	}
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSpace(line), "|")
		room, ok := rooms[fields[0]]
		if !ok {
			continue
		}
		if err := take(room, fields[1:]); err != nil {
			return err
		}
	}
	return nil
}

// setBack is the line of a server's log that tells of a room that lost something.
var setBack = regexp.MustCompile(`level=ERROR msg="the database went back[^"]*" room=([0-9a-f-]{36})`)

// readNoticed notes for which rooms each server has told its operator of a loss, and
// checks that it has counted them.
func (l *losses) readNoticed() error {
	trips := map[string]int{}
	err := l.read(l.pair.server, "SELECT trip_id, id FROM chat_rooms", func(room int, fields []string) error {
		trips[fields[0]] = room
		return nil
	})
	if err != nil {
		return err
	}
	for i, n := range l.stage.nodes {
		log, err := os.ReadFile(filepath.Join(n.Dir(), fmt.Sprintf("server%d.log", i+1)))
		if err != nil {
			return err
		}
		for _, line := range setBack.FindAllSubmatch(log, -1) {
			if room, ok := trips[string(line[1])]; ok {
				l.note(ledger.Record{Kind: ledger.Noticed, Node: i + 1, Room: room})
			}
		}
		present := log[max(0, bytes.LastIndex(log, []byte("msg=ready"))):]
		told, counted := len(setBack.FindAll(present, -1)), n.counted("caravan_rooms_set_back_total")
		if told != counted {
			l.note(ledger.Record{Kind: ledger.Unsettled, Code: fmt.Sprintf("%s has told its operator of %d rooms that were set back, and counted %d", n.name, told, counted)})
		}
	}
	return nil
}

// counted reads a counter of a server; -1: it cannot be read.
func (n *node) counted(name string) int {
	answer, err := http.Get("http://" + n.admin + "/metrics")
	if err != nil {
		return -1
	}
	defer answer.Body.Close() // it was read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			count, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				return -1
			}
			return int(count)
		}
	}
	return -1
}
