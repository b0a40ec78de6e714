package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Users calls yield with the ids and emails of users in the file at path, until that
// returns false. made says that Caravan has made or adopted what is there; where there
// is no file, or none of an application's tables, that is so. Nothing is made or changed. It may be
// called while a Store has the file open.
func Users(ctx context.Context, path string, yield func(id, email string) bool) (made bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || (err == nil && (info.Size() == 0 || !info.Mode().IsRegular())):
		return true, nil
	case err != nil:
		return false, notOpened(path, err)
	}
	if err := (&ownership{user: info.Sys().(*syscall.Stat_t).Uid}).checkBeside(path); err != nil {
		return false, notOpened(path, err)
	}
	db, err := connect(path, 1, cacheBytesMin, "query_only(ON)")
	if err != nil {
		return false, notOpened(path, err)
	}
	defer db.Close()
	if made, err = users(ctx, db, yield); err != nil {
		return false, notOpened(path, err)
	}
	return made, nil
}

func users(ctx context.Context, db *sql.DB, yield func(id, email string) bool) (made bool, err error) {
	const look = `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name COLLATE NOCASE IN (?, ?, ?))`
	var there, others bool
	if err := db.QueryRowContext(ctx, look, "users", "users", "users").Scan(&there); err != nil {
		return false, err
	}
	if err := db.QueryRowContext(ctx, look, "trips", "collaborators", "chat_messages").Scan(&others); err != nil {
		return false, err
	}
	if err := db.QueryRowContext(ctx, look, "caravan_schema_version", "", "").Scan(&made); err != nil || !there {
		return made || !others, err
	}
	rows, err := db.QueryContext(ctx, `SELECT coalesce(CAST(id AS TEXT), ''), coalesce(CAST(email AS TEXT), '') FROM users`)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		var id, email string
		if err := rows.Scan(&id, &email); err != nil {
			return false, err
		}
		if !yield(id, email) {
			break
		}
	}
	return made, rows.Err()
}
