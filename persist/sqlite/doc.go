// Package sqlite is the embedded store: room.Store on one SQLite file.
//
// The file is in WAL mode with synchronous=FULL: a batch that was committed
// survives the loss of power, and readers never wait for the writer. There is
// one connection that writes, since SQLite takes one writer at a time anyway, and
// a few that read. Both are pools of database/sql, so that a connection that an
// ended context interrupted is replaced.
//
// A Store owns its file, under all of its names: a lock on it refuses a second one. Other programs
// (the sqlite3 shell, the application) may read, and write their own tables, at
// the same time; the writer waits for them for busyTimeout, or less where the
// context ends first.
//
// Ids are lower-case hyphenated text. Times are text in UTC of the fixed form
// "2006-01-02 15:04:05.000000", which sorts by time and which Django, whose
// databases may be adopted, writes too.
package sqlite
