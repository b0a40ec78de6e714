package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// SQLSTATE codes that decide something (PostgreSQL, appendix A).
const (
	codeNoColumn       = "42703"
	codeNoTable        = "42P01"
	codeForeignKey     = "23503"
	codeNotNull        = "23502"
	codeUnique         = "23505"
	codeReadOnly       = "25006" // a standby, or made read-only, as is done with a primary before another takes over
	codeSerialization  = "40001"
	codeDeadlock       = "40P01"
	codeLockTimeout    = "55P03"
	codeProgramLimit   = "54000"
	codeForbidden      = "42501" // the role may not
	codeNoFunction     = "42883"
	codeNotSupported   = "0A000"
	codeNotInState     = "55000" // the server cannot do it as it is set up, or as it stands
	codeDataCorrupted  = "XX001"
	codeIndexCorrupted = "XX002"
	codeFutureXact     = "22023" // invalid_parameter_value: "transaction ID … is in the future"

	classConnection = "08"
	classData       = "22"
	classIntegrity  = "23"
	classResources  = "53" // too many connections, disk full, out of memory
	classState      = "55" // cannot be done as things stand: a lock that does not become free
	classOperator   = "57" // shut down, starting up, canceled
	classSystem     = "58" // I/O error
	classInternal   = "XX" // what has no code of its own: a disk quota used up, a file as large as may be
)

// primaryKey is the only unique index of Caravan's that an op can break by itself. Others hold numbers that the store
// gives. The one of client_ids is broken where a batch took them for new (ADR 23): that is undone, and done again with a
// look-up. Broken after that it is by who writes without the room's lock, and the next look-up finds what they wrote.
const (
	primaryKey = "chat_messages_pkey"
	keysIndex  = "caravan_messages_client"
)

// numberIndexes are broken where the room's number is behind its messages. An
// adopted table may have further indexes, which are the application's rules.
var numberIndexes = []string{"caravan_messages_seq", "chat_events_pkey"}

// undone says what it means that the database undid a transaction of Append:
// persist.ErrConflict, a persist.DataError, or anything else, which the driver
// turns into room.ErrNotStored.
func undone(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return fault("append", err)
	}
	switch {
	case pg.Code == codeSerialization, pg.Code == codeDeadlock, pg.Code == codeLockTimeout:
		return fmt.Errorf("%w: %w", persist.ErrConflict, err)
	case pg.Code == codeForeignKey: // in an adopted database only
		return &persist.DataError{Refusal: protocol.ErrNotCollaborator, Err: err}
	case pg.Code == codeUnique && pg.ConstraintName == primaryKey:
		return &persist.DataError{Refusal: protocol.ErrInternal, Err: err}
	case pg.Code == codeUnique && pg.ConstraintName == keysIndex: // of no message it can be said that it is wrong
		return fmt.Errorf("%w: %w: %w", persist.ErrConflict, persist.ErrMayBeKnown, err)
	case pg.Code == codeUnique && slices.Contains(numberIndexes, pg.ConstraintName):
		return persist.RoomError(err)
	case pg.Code == codeNotNull && pg.ColumnName != "": // no message could be stored: the table is at fault
		return fault("append", err)
	case pg.Code == codeProgramLimit, class(pg) == classData, class(pg) == classIntegrity:
		return &persist.DataError{Refusal: protocol.ErrInvalidContent, Err: err}
	}
	return fault("append", err)
}

// undoneLookUp is undone for a transaction that has only read: what is damaged is a row that
// some op refers to.
func undoneLookUp(err error) error {
	if rowFault(err) && !hasClass(err, classData) {
		return &persist.DataError{Refusal: protocol.ErrInternal, Err: err}
	}
	return undone(err)
}

// fault wraps an error once for the caller, and adds room.ErrUnreadable where a row
// is at fault, and room.ErrStoreDown where the server could not be reached or cannot work.
func fault(doing string, err error) error {
	var pg *pgconn.PgError
	if rowFault(err) {
		return fmt.Errorf("postgres: %s: %w: %w", doing, room.ErrUnreadable, err)
	}
	if errors.As(err, &pg) {
		switch class(pg) {
		case classConnection, classResources, classOperator, classSystem, classInternal, classState:
		default:
			return fmt.Errorf("postgres: %s: %w", doing, err)
		}
	}
	return fmt.Errorf("postgres: %s: %w: %w", doing, room.ErrStoreDown, err)
}

// rowFault reports whether a statement failed for what is in some row that it reads: the
// server cannot give it in this session's encoding or at all, or its value has no place here.
func rowFault(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return class(pg) == classData || pg.Code == codeDataCorrupted || pg.Code == codeIndexCorrupted || pg.Code == codeProgramLimit
	}
	var scan pgx.ScanArgError
	return errors.As(err, &scan)
}

// sessionEnded reports whether err comes from a session that is no more: the server shut down or
// somebody ended it (57P01 and the like), or the connection just broke.
func sessionEnded(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, classOperator+"P0")
	}
	return err != nil && !errors.Is(err, pgx.ErrNoRows) && !rowFault(err)
}

func hasCode(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}

func hasClass(err error, of string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && class(pg) == of
}

func class(pg *pgconn.PgError) string { return pg.Code[:min(2, len(pg.Code))] }

// definite reports whether the server itself said that it undid the
// transaction. After FATAL and PANIC the session is gone, perhaps after the
// commit.
func definite(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.SeverityUnlocalized == "ERROR"
}
