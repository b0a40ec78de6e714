package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/room"
)

// An operator may have triggers on the application's tables note whose rights may have changed, in
// chat_rights, as those on chat_rooms note numbers (numbers.go). RightsTriggers says how.
// Without them a node cannot tell, and looks at all members.

// rightsKept is for how long notes are kept that a node may not have seen. One that looks less
// often looks at all members.
const rightsKept = 5 * time.Minute

// Triggers of RightsTriggers on each table of rightsTables.
const (
	noteRight        = "caravan_note_right"
	noteRightEmptied = "caravan_note_right_emptied"
)

// rightsTable is a table on which triggers note whose rights may have changed.
type rightsTable struct {
	name       string
	user, trip string   // the columns that say who is meant; empty: all
	matter     []string // a change of those counts, where there are such columns
	when       string   // when a row is noted
}

const noteAlways = "INSERT OR UPDATE OR DELETE"

// rightsTables are those that selectAccess reads, but for chat_reads: who reads further is told by
// a notice, and whose notices may be missing asks.
var rightsTables = []rightsTable{
	{"users", "id", "", []string{"id", "email", "username", "first_name", "last_name", "is_active"}, noteAlways},
	{"trips", "", "id", []string{"id"}, noteAlways},
	{"collaborators", "user_id", "trip_id", []string{"user_id", "trip_id", "role"}, noteAlways},
	{"chat_rooms", "", "trip_id", []string{"id", "trip_id", "slow_mode", "first_seq"}, "INSERT OR UPDATE OF trip_id, slow_mode, first_seq OR DELETE"},
}

// rightsPlain tells whether triggers on c see all that is written to it: it is a table, and neither has parts nor is one.
const rightsPlain = `coalesce(c.relkind = 'r' AND NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid)
		AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid), false)`

// rightsOff are the tables that lack a trigger which fires for all who write, or of which a trigger does not see all.
var rightsOff = fmt.Sprintf(`ARRAY(SELECT tab FROM unnest('{%s}'::text[]) AS tab LEFT JOIN pg_class c ON c.oid = to_regclass(tab) WHERE NOT %s OR 2 > (
		SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname IN ('%s', '%s') AND t.tgenabled = 'A'))`,
	rightsNames(","), rightsPlain, noteRight, noteRightEmptied)

// rightsPlace changes with what writes no row and may change rights all the same: another table, one that was written
// anew, another column or another type, and triggers that were off or gone, if only for an instant.
var rightsPlace = fmt.Sprintf(`(SELECT hashtextextended(string_agg(concat_ws(' ', c.oid, c.relfilenode,
			(SELECT string_agg(a.attnum || ' ' || a.xmin::text, ' ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0),
			%s), ',' ORDER BY c.oid), 0) FROM pg_class c WHERE c.oid = ANY (ARRAY[to_regclass('%s')]::oid[]))`,
	triggerVersions("c.oid", noteRight, noteRightEmptied), rightsNames("'), to_regclass('"))

// rightsNoted tells whether an operator has the tables.
const rightsNoted = `SELECT to_regclass('chat_rights') IS NOT NULL AND to_regclass('chat_rights_kept') IS NOT NULL`

var (
	selectRights            = notesSince("chat_rights", rightsOff, rightsPlace, "user_id", "trip_id")
	keepRights, pruneRights = keepNotes("chat_rights"), pruneNotes("chat_rights")
)

func rightsNames(between string) string {
	names := make([]string, len(rightsTables))
	for i, t := range rightsTables {
		names[i] = t.name
	}
	return strings.Join(names, between)
}

// RightsSince implements room.Store.
func (s *Store) RightsSince(ctx context.Context, since room.Moment) (room.Rights, error) {
	done, err := s.shares.Besides(ctx)
	if err != nil {
		return room.Rights{}, fault("rights", err)
	}
	defer done()
	var rights room.Rights
	var now moment
	err = s.again(ctx, s.readers, func() (err error) {
		var there bool
		if err = s.readers.QueryRow(ctx, rightsNoted).Scan(&there); err != nil || !there {
			rights.All = true
			return err
		}
		rights, now, err = s.askRights(ctx, parseMoment(since))
		if errors.Is(err, pgx.ErrNoRows) {
			if _, err = s.readers.Exec(ctx, keepRights); err == nil {
				rights, now, err = s.askRights(ctx, noMoment)
			}
		}
		return err
	})
	if cannotTell(err) {
		if !s.rights.untold.Swap(true) {
			s.log.Warn("whose rights have changed cannot be told: all members are looked at each time", "error", err, "needs", s.grant("chat_rights"))
		}
		return room.Rights{All: true}, nil
	}
	if err != nil {
		return room.Rights{}, fault("rights", err)
	}
	s.rights.untold.Store(false)
	if now.place != "" {
		s.prune(ctx, &s.rights, now)
	}
	return rights, nil
}

// askRights asks once. pgx.ErrNoRows: rows were lost, and nobody has said from where on they are
// all there.
func (s *Store) askRights(ctx context.Context, since moment) (rights room.Rights, now moment, err error) {
	var whole bool
	var off []string
	var users, trips []*string
	err = s.readers.QueryRow(ctx, selectRights, [16]byte(since.kept), since.snapshot, since.place, notesMost+1).
		Scan((*[16]byte)(&now.kept), &now.place, &now.snapshot, &off, &whole, &users, &trips)
	if err != nil {
		return rights, now, err
	}
	if told := s.rights.triggersOff.Swap(len(off) > 0); len(off) > 0 && !told {
		s.log.Warn("triggers that note changed rights are off or gone, or do not see all: all members are looked at each time", "tables", off, "needs", "caravan migrate --rights-triggers make")
	}
	rights.Until = now.String()
	rights.All = !whole || len(users) > notesMost || len(users) != len(trips)
	for i := 0; i < len(users) && !rights.All; i++ {
		user, ok := parseNoted(users[i])
		trip, okay := parseNoted(trips[i])
		if ok && okay {
			rights.Note(user, trip)
		} else { // such an id is nobody's who is connected, and everybody's it may be
			rights.All = true
		}
	}
	return rights, now, nil
}

// parseNoted reads an id. NULL is all.
func parseNoted(text *string) (uuid.UUID, bool) {
	if text == nil {
		return uuid.Nil, true
	}
	id, err := uuid.Parse(*text)
	return id, err == nil
}
