package stage

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/bench/ledger"
	"github.com/caravan-chat/caravan/bench/verify"
)

// tables reads and changes what is in PostgreSQL, as an operator does with psql.
type tables struct {
	exec func(sql string) (string, error)
}

// Tables returns the tables of the database; nil where the server alone has them.
func (s *Stage) Tables() verify.Tables {
	switch database := s.database.(type) {
	case *pair:
		return tables{database.exec}
	case *postgres:
		return tables{database.exec}
	}
	return nil
}

func (p *postgres) exec(sql string) (string, error) { return p.server.Exec(p.name, sql) }

// exec asks the primary of the moment. Another goroutine's fail-over may end the answer.
func (p *pair) exec(sql string) (string, error) {
	p.turn.Lock()
	primary := p.server
	p.turn.Unlock()
	return primary.Exec(p.name, sql)
}

// SetRole implements verify.Tables.
func (t tables) SetRole(_ context.Context, trip, user uuid.UUID, role string) error {
	_, err := t.exec(fmt.Sprintf("UPDATE collaborators SET role = '%s' WHERE trip_id = '%s' AND user_id = '%s'", role, trip, user))
	return err
}

// SetMember implements verify.Tables.
func (t tables) SetMember(_ context.Context, trip, user uuid.UUID, role string, is bool) error {
	write := fmt.Sprintf("DELETE FROM collaborators WHERE trip_id = '%s' AND user_id = '%s'", trip, user)
	if is {
		write = fmt.Sprintf(`INSERT INTO collaborators (trip_id, user_id, role) SELECT '%[1]s', '%[2]s', '%[3]s'
			WHERE NOT EXISTS (SELECT FROM collaborators WHERE trip_id = '%[1]s' AND user_id = '%[2]s')`, trip, user, role)
	}
	_, err := t.exec(write)
	return err
}

// Due implements verify.Tables.
func (t tables) Due(context.Context) (int, error) {
	out, err := t.exec("SELECT count(*) FROM chat_summaries_due")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

// reading is how the rows of one kind are read: a trip first, where the rows say one.
type reading struct {
	way, sql string
	take     func(fields []string) (ledger.Record, error)
}

var readings = []reading{
	{ledger.RowsReactions, `SELECT message_id, user_id, emoji FROM chat_reactions`, func(f []string) (ledger.Record, error) {
		return ledger.Record{Message: f[0], Sender: f[1], Content: f[2]}, nil
	}},
	{ledger.RowsPins, `SELECT id FROM chat_messages WHERE pinned_at IS NOT NULL`, aMessage},
	{ledger.RowsDue, `SELECT message_id FROM chat_summaries_due`, aMessage},
}

func aMessage(f []string) (ledger.Record, error) { return ledger.Record{Message: f[0]}, nil }

// Read implements verify.Tables.
func (t tables) Read(_ context.Context, rooms int, name string) (map[string][]ledger.Record, error) {
	all := map[string][]ledger.Record{}
	numbers := map[string]int{}
	for room := range rooms {
		numbers[fleet.Trip(room).String()] = room
	}
	mentions := reading{ledger.RowsMentions, `SELECT r.trip_id, m.seq, m.user_id FROM chat_mentions m JOIN chat_rooms r ON r.id = m.chat_room_id`,
		func(f []string) (ledger.Record, error) {
			seq, err := strconv.ParseInt(f[1], 10, 64)
			room, ok := numbers[f[0]]
			if !ok {
				room = -1 // of whom the account knows nothing
			}
			return ledger.Record{Room: room, Seq: seq, Sender: f[2]}, err
		}}
	for _, r := range append(readings[:len(readings):len(readings)], mentions) {
		if err := t.read(r, all); err != nil {
			return nil, err
		}
	}
	return all, t.readTexts(name, all)
}

func (t tables) read(r reading, all map[string][]ledger.Record) error {
	out, err := t.exec(r.sql)
	if err != nil {
		return err
	}
	all[r.way] = nil
	for line := range strings.Lines(out) {
		record, err := r.take(strings.Split(strings.TrimSpace(line), "|"))
		if err != nil {
			return err
		}
		all[r.way] = append(all[r.way], record)
	}
	return nil
}

// readTexts looks into every column of every table for what ops have said: content begins with
// their names and a space, and data has them as a place.
func (t tables) readTexts(name string, all map[string][]ledger.Record) error {
	out, err := t.exec(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)
	if err != nil {
		return err
	}
	for table := range strings.Lines(out) {
		table = strings.TrimSpace(table)
		text := reading{ledger.RowsTexts, fmt.Sprintf(`SELECT DISTINCT coalesce(f[1], f[2]) FROM %q t,
			regexp_matches(t::text, '(%s[0-9]+-[0-9]+e?) |place[": ]+(%s[0-9]+-[0-9]+)', 'g') f`, table, name, name),
			func(f []string) (ledger.Record, error) {
				return ledger.Record{Op: f[0], Type: table}, nil
			}}
		found := map[string][]ledger.Record{}
		if err := t.read(text, found); err != nil {
			return err
		}
		all[ledger.RowsTexts] = append(all[ledger.RowsTexts], found[ledger.RowsTexts]...)
	}
	if len(all[ledger.RowsTexts]) > 0 {
		return nil
	}
	// On a busy machine it may be that nobody came to say anything.
	said, err := t.exec(fmt.Sprintf("SELECT count(*) FROM chat_messages WHERE content LIKE '%s%%'", name))
	if err == nil && strings.TrimSpace(said) != "0" {
		err = errors.New("what somebody said is in chat_messages, and the search of all tables did not find it")
	}
	return err
}
