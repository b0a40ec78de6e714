package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// resultCode returns SQLite's extended result code, zero if err is not SQLite's.
func resultCode(err error) int {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code()
	}
	return 0
}

// primary returns the class of an extended result code.
func primary(code int) int { return code & 0xff }

// rollBack undoes a transaction after an error, or none, and returns what went wrong. What fails to
// roll back ends with its connection. After some errors there may be nothing left to roll back, as
// SQLite has done so itself: that is no fault.
func rollBack(tx *sql.Tx, err error) error {
	failed := tx.Rollback()
	switch primary(resultCode(err)) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT:
		return err
	}
	return errors.Join(err, failed)
}

// refusal says of an error within a transaction what persist.Append needs to
// know: whether the data, or a room, is at fault. Everything else, a busy or full or
// read-only file above all, undoes the batch and may be gone at the next one.
func refusal(err error) error {
	if resultCode(err) == sqlite3.SQLITE_CONSTRAINT_UNIQUE { // an id's own code is another
		return persist.RoomError(err)
	}
	if resultCode(err) == sqlite3.SQLITE_CONSTRAINT_NOTNULL { // no message could be stored: the table is at fault
		return err
	}
	if scanFault(err) {
		return &persist.DataError{Refusal: protocol.ErrInternal, Err: err}
	}
	switch primary(resultCode(err)) {
	case sqlite3.SQLITE_TOOBIG:
		return &persist.DataError{Refusal: protocol.ErrInvalidContent, Err: err}
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH:
		return &persist.DataError{Refusal: protocol.ErrInternal, Err: err}
	}
	return err
}

// notOpened says of an error of opening the file whether another attempt may succeed: where
// another program has locked it.
func notOpened(path string, err error) error {
	code := resultCode(err)
	if code != 0 { // SQLite does not say which file
		err = fmt.Errorf("%s: %w", path, err)
	}
	if primary(code) == sqlite3.SQLITE_BUSY {
		err = unreachable(err)
	}
	return fmt.Errorf("sqlite: %w", err)
}

// unreachable says of an error of a reading call that the database failed, or a row of it.
func unreachable(err error) error {
	if scanFault(err) {
		return fmt.Errorf("%w: %w", room.ErrUnreadable, err)
	}
	return fmt.Errorf("%w: %w", room.ErrStoreDown, err)
}

// commitDoubtful reports whether a COMMIT that failed so may yet be found
// committed after a crash. All that fails before the last page of the batch
// stands in the WAL leaves no commit there. But when that page was written and
// only then something failed (fsync above all), the WAL holds a whole batch that
// SQLite ignores now, and would take for committed when it reads the WAL anew.
func commitDoubtful(err error) bool {
	code := resultCode(err)
	switch primary(code) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CONSTRAINT,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_CANTOPEN:
		return false
	case sqlite3.SQLITE_IOERR:
		return code != sqlite3.SQLITE_IOERR_WRITE
	}
	return code != 0 // not SQLite's: database/sql refused to commit
}
