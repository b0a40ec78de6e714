package pgserver

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

// ballast is a statement that the disk has no room for, and of which nothing
// remains but the room that it took. Rows of that length lie four to a page, and
// what is left of the page is what chat_messages keeps free for changes.
const ballast = `INSERT INTO chat_messages (id, chat_room_id, sender_id, content, message_type, is_edited, created_at, updated_at, seq, rev)
	SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), repeat('x', 1800), 'text', false, now(), now(), n, n
	FROM (SELECT generate_series(1, 1000000) AS n) AS rows`

// FillTables fills the disk that chat_messages is on: a statement that needs one
// page more fails (could not extend file), its session lives, and what needs no new
// page goes on. Autovacuum may find room again: who minds turns it off.
func (s *Server) FillTables(database string) error {
	largest, err := s.largestFile()
	if err != nil {
		return err
	}
	// One byte more, so that a write is cut short there, as at the end of a disk.
	if err := s.FillDisk(largest + 1); err != nil {
		return err
	}
	if _, err := s.Exec(database, ballast); err == nil || !strings.Contains(err.Error(), "could not extend file") {
		return errors.Join(fmt.Errorf("pgserver: a full disk made no difference: %w", err), s.Server.FreeDisk())
	}
	return nil
}

// largestFile returns the size of the largest file of the server: those of the
// write-ahead log, or a table.
func (s *Server) largestFile() (largest uint64, err error) {
	err = filepath.WalkDir(s.dataDir(), func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // files come and go
			return nil
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			largest = max(largest, uint64(info.Size()))
		} else if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("pgserver: %w", err)
	}
	return largest, nil
}

const (
	// walBytes leaves room to everything small, the server's own log too. A file of
	// the write-ahead log is larger.
	walBytes = 1 << 20

	// fillLog writes more than one file of the write-ahead log holds, and nothing else.
	fillLog = `SELECT count(pg_logical_emit_message(false, '', repeat('x', 1000))) FROM generate_series(1, 30000)`

	recoverPoll = 20 * time.Millisecond
)

// FillWAL fills the disk that the write-ahead log is on, and returns when the
// server has crashed (PANIC). It does so again whenever it has recovered, or ends.
func (s *Server) FillWAL() error {
	if err := s.FillDisk(walBytes); err != nil {
		return err
	}
	if _, err := s.Exec("postgres", fillLog); err == nil {
		return errors.Join(errors.New("pgserver: a full disk made no difference"), s.Server.FreeDisk())
	}
	return nil
}

// FreeDisk makes room on a disk that was filled, and returns when the server
// accepts connections: one that has ended is started.
func (s *Server) FreeDisk() error {
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(recoverPoll) {
		if !s.Running() {
			return s.Start()
		}
		err := s.Server.FreeDisk()
		if err == nil {
			_, err = s.Exec("postgres", "SELECT")
		}
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
