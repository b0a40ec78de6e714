package postgres

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/caravan-chat/caravan/bench/servers/migrated"
	pgserver "github.com/caravan-chat/caravan/bench/servers/postgres"
)

// wholeTable are the plan nodes that read more than what is asked for, or a
// page by sorting a room.
var wholeTable = regexp.MustCompile(`Seq Scan|Bitmap|Hash( \w+)? Join|Merge Join|` + sortedPage)

// sortedPage is a page by sorting.
const sortedPage = `Limit[^\n]*\n *->  (Incremental )?Sort`

// sorts are statements that sort what a page is of, and why.
var sorts = map[string]string{
	"selectPins": "a room has few, and those of one time are sorted by their ids", "idsOfselectPins": "likewise",
}

// TestEveryStatementLooksUpByIndex explains all statements on empty tables that
// were never analyzed: connections keep such plans while the tables grow.
func TestEveryStatementLooksUpByIndex(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	conn, err := f.readers.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for name, sql := range plannedStatements() {
		plan := explain(t, conn.Conn(), name, sql)
		if sorts[name] != "" {
			plan = regexp.MustCompile(sortedPage).ReplaceAllString(plan, "")
		}
		if bad := wholeTable.FindString(plan); bad != "" {
			t.Errorf("%s: %q in\n%s", name, bad, plan)
		}
	}
}

// plannedStatements are those that must look up by index.
func plannedStatements() map[string]string {
	planned := map[string]string{
		"lockRooms": lockRooms, "findRooms": findRooms, "byCollaborators": byCollaborators.find, "byAllTables": byAllTables.find, "findKnown": findKnown, "findMessages": findMessages, "findOriginals": findOriginals,
		"storeOne": byCollaborators.storeOne, "storeOneByAllTables": byAllTables.storeOne, "plainRows": plainRows.insert, "wholeRows": wholeRows.insert,
		"plainChanges": plainChanges.sql, "wholeChanges": wholeChanges.sql, "updateRooms": updateRooms, "insertRooms": insertRooms, "writeNothingNew": writeNothingNew,
		"deleteReactions": deleteReactions, "deleteMentions": deleteMentions, "insertMentions": insertMentions, "countPins": countPins,
		"findReactions": findReactions, "countReactions": countReactions, "countEmoji": countEmoji, "countReplies": countReplies,
		"insertReactions": insertReactions, "withdrawReactions": withdrawReactions, "reactionsInForce": reactionsInForce, "withdrawnInForce": withdrawnInForce,
		"selectOwn": selectOwn, "selectReactors": selectReactors, "insertDue": insertDue, "deleteDue": deleteDue,
		"findInsert": findInsert, "findChange": findChange, "insertEvents": insertEvents,
		"selectWalk": selectWalk, "selectBareWalk": selectBareWalk, "selectWalks": selectWalks,
		"selectMessage": selectMessage, "selectHead": selectHead, "selectHeads": selectHeads, "selectAccess": selectAccess, "selectBareAccess": selectBareAccess, "selectRolelessAccess": selectRolelessAccess,
		"selectRooms": selectRooms, "selectBareRooms": selectBareRooms, "selectLastID": selectLastID, "selectRole": selectRole, "selectRoomless": selectRoomless,
		"selectSender": selectSender, "selectOriginalID": selectOriginalID, "selectExcerpt": selectExcerpt, "selectOriginalSender": selectOriginalSender, "selectTitle": selectTitle, "selectEmail": selectEmail,
		"findUsage": findUsage, "findSent": findSent, "countContents": countContents, "setUsage": setUsage, "addSent": addSent,
		"selectReading": selectReading, "selectReadMarks": selectReadMarks, "selectMarksOfFew": selectMarksOfFew, "countReaders": countReaders, "selectReaders": selectReaders, "selectMembers": selectMembers, "insertSeen": insertSeen,
		"lockAttachments": lockAttachments, "claimAttachments": claimAttachments, "deleteAttachments": deleteAttachments,
		"insertAttachment": insertAttachment, "sumUploaded": sumUploaded, "selectReady": selectReady, "readyAttachment": readyAttachment, "previewAttachment": previewAttachment, "selectAttachment": selectAttachment,
		"loseAttachment": loseAttachment, "leaseAttachments": leaseAttachments, "forgetAttachments": forgetAttachments, "listAttachments": listAttachments, "findAttachments": findAttachments,
	}
	for name, s := range map[string]pageStatement{
		"selectLatest": selectLatest, "selectBefore": selectBefore, "selectAfter": selectAfter,
		"selectRepliesBefore": selectRepliesBefore, "selectRepliesAfter": selectRepliesAfter, "selectPins": selectPins,
	} {
		planned[name], planned["idsOf"+name] = s.whole, s.ids
	}
	for column, s := range marks {
		planned["raise_"+column.Column], planned["inForce_"+column.Column], planned["equal_"+column.Column] = s.raise, s.inForce, s.equal
	}
	return planned
}

// unplanned are statements that need no index, or parts of others.
var unplanned = map[string]string{
	"sumUploadedBy": "a part of previewAttachment",
	"selectDue":     "the table is as small as what is due, and the sweep reads all of it",
	"noteNode":      "a table of a few nodes",
	"keepNumbers":   "a table of one row",
	"selectNumbers": "a table of one row, and what TestNumbersAreLookedUpByIndex looks at", "pruneNumbers": "likewise",
	"selectRights": "as selectNumbers", "keepRights": "a table of one row", "pruneRights": "as pruneNumbers",
	"rightsNoted": "no table", "noteAlways": "no statement", "rightsTables": "no statement", "rightsOff": "a catalog", "rightsPlain": "a catalog", "rightsPlace": "a catalog", "findRightsTables": "a catalog", "rightsFunction": "a part of what an operator runs",
	"deployment": "a table of one row", "makeDeployment": "a table of one row", "readCluster": "a table of one row", "noteCluster": "a table of one row",
	"lockUploader": "no table", "lockDirectory": "no table",
	"readSecret": "a table of few rows, at the start", "makeSecret": "a table of few rows, at the start",
	"thisDatabase": "a catalog", "keysAreUnique": "a catalog", "triggersOff": "a catalog", "thisCluster": "no table", "findKeys": "a catalog", "findMissing": "a catalog", "findOtherIDs": "a catalog", "findTypes": "a catalog", "findUnfilled": "a catalog",
	"makeUncountedDue":  "a table of one row, and what TestUncountedAnswersAreLookedUpByIndex looks at",
	"endSessionsWithin": "no table", "endAbandoned": "no table", "barrier": "no table", "askStatus": "no table", "askServer": "no table",
	"seedUsers": "rows are added only", "seedTrips": "rows are added only", "seedCollaborators": "rows are added only",
	"theUser": "a part of others", "collaborates": "a part of others", "andExists": "a part of others", "findStrangers": "a part of others", "messageJoins": "a part of others",
}

// TestNoStatementIsForgotten: each statement of the package is planned, or said to need no plan.
func TestNoStatementIsForgotten(t *testing.T) {
	names := statementNames(t)
	planned := identifiersIn(t, "plan_test.go", "plannedStatements")
	for _, name := range names {
		if _, not := unplanned[name]; not == planned[name] {
			t.Errorf("%s: planned %v, and said to be unplanned %v", name, planned[name], not)
		}
	}
	for name := range unplanned {
		if !slices.Contains(names, name) {
			t.Errorf("there is no %s", name)
		}
	}
	if len(names) < 60 {
		t.Errorf("only %d statements were found", len(names))
	}
}

var aStatement = regexp.MustCompile(`\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b`)

// statementNames are the constants and variables of the package that hold SQL: they have a text of it, or
// what they are made of has.
func statementNames(t *testing.T) (names []string) {
	t.Helper()
	values, all := make(map[string]ast.Node), make(map[string]ast.Node)
	for _, path := range sources(t) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					all[d.Name.Name] = d.Body
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					of, ok := spec.(*ast.ValueSpec)
					for i := 0; ok && i < len(of.Names); i++ {
						if n := of.Names[i].Name; len(of.Values) > 0 {
							values[n] = of.Values[min(i, len(of.Values)-1)]
							all[n] = values[n]
						}
					}
				}
			}
		}
	}
	holds := make(map[string]bool)
	for grew := true; grew; {
		grew = false
		for name, node := range all {
			if !holds[name] && holdsSQL(node, holds) {
				holds[name], grew = true, true
			}
		}
	}
	for name := range values {
		if holds[name] {
			names = append(names, name)
		}
	}
	return names
}

// holdsSQL reports whether a text of SQL is in a node, or a name that holds some.
func holdsSQL(node ast.Node, holds map[string]bool) (yes bool) {
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			yes = yes || n.Kind == token.STRING && aStatement.MatchString(n.Value)
		case *ast.Ident:
			yes = yes || holds[n.Name]
		}
		return !yes
	})
	return yes
}

// sources are the files of the package that are no tests.
func sources(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(path string) bool { return strings.HasSuffix(path, "_test.go") })
}

// identifiersIn are the names that a function of a file uses.
func identifiersIn(t *testing.T, path, function string) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	ast.Inspect(file.Scope.Lookup(function).Decl.(*ast.FuncDecl).Body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			names[id.Name] = true
		}
		return true
	})
	return names
}

// TestUncountedAnswersAreLookedUpByIndex: of the statement only what reads a table of one row,
// and what it has found, is not.
func TestUncountedAnswersAreLookedUpByIndex(t *testing.T) {
	t.Parallel()
	f := newFleet(t, Config{URL: migrated.Postgres(t, pgserver.Shared(t))}, 1)
	conn, err := f.readers.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	plan := explain(t, conn.Conn(), "makeUncountedDue", makeUncountedDue)
	if !regexp.MustCompile(`Index Scan using caravan_messages_reply on chat_messages t\n +Index Cond: \(reply_to_id > `).MatchString(plan) {
		t.Errorf("%s", plan)
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
