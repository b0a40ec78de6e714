package postgres

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
	"github.com/caravan-chat/caravan/persist"
)

// wholeTable are the plan nodes that read more than what is asked for, or a
// page by sorting a room.
var wholeTable = regexp.MustCompile(`Seq Scan|Bitmap|Hash( \w+)? Join|Merge Join|Limit[^\n]*\n *->  (Incremental )?Sort`)

// TestEveryStatementLooksUpByIndex explains all statements on empty tables that
// were never analyzed: connections keep such plans while the tables grow.
func TestEveryStatementLooksUpByIndex(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: pgserver.Shared(t).Database(t)}, 1)
	conn, err := f.readers.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for name, sql := range map[string]string{
		"lockRooms": lockRooms, "byCollaborators": byCollaborators.find, "byAllTables": byAllTables.find, "findKnown": findKnown, "findMessages": findMessages, "findOriginals": findOriginals,
		"storeOne": byCollaborators.storeOne, "storeOneByAllTables": byAllTables.storeOne, "plainChanges": plainChanges.sql, "wholeChanges": wholeChanges.sql, "updateRooms": updateRooms,
		"deleteReactions": deleteReactions, "deleteMentions": deleteMentions, "insertMentions": insertMentions, "countPins": countPins,
		"findReactions": findReactions, "countReactions": countReactions, "countEmoji": countEmoji, "countReplies": countReplies,
		"insertReactions": insertReactions, "withdrawReactions": withdrawReactions, "reactionsInForce": reactionsInForce, "withdrawnInForce": withdrawnInForce,
		"selectOwn": selectOwn, "insertDue": insertDue, "deleteDue": deleteDue,
		"findInsert": findInsert, "findChange": findChange, "insertEvents": insertEvents,
		"selectWalk": selectWalk, "selectBareWalk": selectBareWalk,
		"selectLatest": selectLatest.whole, "idsOfSelectLatest": selectLatest.ids, "selectBefore": selectBefore.whole, "idsOfSelectBefore": selectBefore.ids, "selectAfter": selectAfter.whole, "idsOfSelectAfter": selectAfter.ids,
		"selectRepliesBefore": selectRepliesBefore.whole, "idsOfSelectRepliesBefore": selectRepliesBefore.ids, "selectRepliesAfter": selectRepliesAfter.whole, "idsOfSelectRepliesAfter": selectRepliesAfter.ids,
		"selectPins": selectPins.whole, "idsOfSelectPins": selectPins.ids,
		"selectMessage": selectMessage, "selectHeads": selectHeads, "selectAccess": selectAccess, "selectBareAccess": selectBareAccess, "selectRolelessAccess": selectRolelessAccess, "selectBareRooms": selectBareRooms, "selectLastID": selectLastID, "selectRole": selectRole, "selectRoomless": selectRoomless,
		"findUsage": findUsage, "findSent": findSent, "countContents": countContents, "setUsage": setUsage, "addSent": addSent,
		"selectReading": selectReading, "selectReadMarks": selectReadMarks, "selectMarksOfFew": selectMarksOfFew, "countReaders": countReaders, "selectReaders": selectReaders, "raise": marks[persist.MarkColumns[0]].raise, "inForce": marks[persist.MarkColumns[0]].inForce,
	} {
		plan := explain(t, conn.Conn(), name, sql)
		if bad := wholeTable.FindString(plan); bad != "" {
			t.Errorf("%s: %q in\n%s", name, bad, plan)
		}
	}
}

func explain(t *testing.T, conn *pgx.Conn, name, sql string) string {
	t.Helper()
	mustExec(t, conn, fmt.Sprintf("PREPARE %s AS %s", name, sql))
	params := 0
	for strings.Contains(sql, fmt.Sprintf("$%d", params+1)) {
		params++
	}
	nulls := strings.TrimSuffix(strings.Repeat("NULL,", params), ",")
	rows, err := conn.Query(t.Context(), fmt.Sprintf("EXPLAIN (COSTS OFF) EXECUTE %s(%s)", name, nulls), pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}
