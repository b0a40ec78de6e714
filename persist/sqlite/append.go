package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
)

// Append implements room.Store.
func (s *Store) Append(ctx context.Context, batch []*room.Op, within room.Within) error {
	limits := persist.NewLimits(within)
	err := persist.Append(ctx, batch, func(ctx context.Context, ops []*room.Op, mode persist.Mode) (*persist.Plan, error) {
		return s.transact(ctx, ops, mode, limits)
	})
	if err == nil {
		s.odd.Behind(batch, func(id uuid.UUID) { _, _ = s.message(ctx, &s.read, id) })
	}
	return err
}

// transact is one transaction. BEGIN takes SQLite's write lock, which stands for
// the locks on the rooms' rows, so that what is found stays true until the end.
func (s *Store) transact(ctx context.Context, ops []*room.Op, mode persist.Mode, limits persist.Limits) (*persist.Plan, error) {
	lookup := persist.NewLookup(ops)
	if !lookup.MarksOnly {
		lookup.Quotas = s.Quotas()
	}
	bounded, cancel := limits.UpToCommit(ctx)
	defer cancel()
	tx, err := s.writer.BeginTx(bounded, nil)
	if err != nil {
		return nil, refusal(err)
	}
	defer func() { _ = tx.Rollback() }() // for a panic: after the ends below it does nothing
	plan, err := s.settle(tx, ops, lookup)
	if err != nil || mode == persist.TryOut || plan.Empty() {
		return plan, refusal(rollBack(tx, err))
	}
	if err := tx.Commit(); err != nil {
		if commitDoubtful(err) {
			outcome, cancel := limits.ForOutcome(ctx)
			defer cancel()
			err = s.disown(outcome, err)
		}
		return nil, refusal(err)
	}
	return plan, nil
}

// TryWrite implements room.Store.
func (s *Store) TryWrite(ctx context.Context, id uuid.UUID) error {
	_, err := s.writer.ExecContext(ctx, `UPDATE chat_rooms SET last_seq = last_seq WHERE id = ?`, id.String())
	return refusal(err)
}

// settle looks up, plans and writes. The statements run without the caller's
// context, which would cost a goroutine each; it ends them through tx.
func (s *Store) settle(tx *sql.Tx, ops []*room.Op, lookup *persist.Lookup) (*persist.Plan, error) {
	var w written
	found, err := s.find(tx, &w, lookup)
	if err != nil {
		return nil, err
	}
	plan := persist.Settle(ops, lookup, found)
	return plan, s.writePlan(tx, &w, plan)
}

func (s *Store) writePlan(tx *sql.Tx, w *written, plan *persist.Plan) error {
	if err := s.insert(tx, w, plan.Inserts); err != nil {
		return err
	}
	note, setHead := tx.Stmt(s.write.note), tx.Stmt(s.write.setHead)
	for _, c := range plan.Changes {
		var message any
		if c.Message != uuid.Nil {
			message = c.Message.String()
		}
		if _, err := note.Exec(w.id(c.Room), c.Seq, c.ID.String(), c.Kind, message, w.id(c.Actor), w.stamp(c.At)); err != nil {
			return err
		}
	}
	update, columns := tx.Stmt(s.write.updatePlain), plainChanges
	if plan.RareUpdates {
		update, columns = tx.Stmt(s.write.updateWhole), wholeChanges
	}
	for _, m := range plan.Updates {
		if _, err := update.Exec(w.args(nil, columns, m)...); err != nil {
			return err
		}
	}
	for _, m := range plan.Mentions {
		if _, err := tx.Stmt(s.write.mention).Exec(m.User.String(), m.Room.String(), m.Seq); err != nil {
			return err
		}
	}
	for _, c := range plan.Claims {
		if _, err := tx.Stmt(s.write.claim).Exec(c.Message.String(), c.Attachment.String()); err != nil {
			return err
		}
	}
	if err := s.writeReactions(tx, plan); err != nil {
		return err
	}
	if err := s.writeDeletions(tx, plan); err != nil {
		return err
	}
	if err := s.writeMarks(tx, plan); err != nil {
		return err
	}
	if err := s.writeSpent(tx, plan); err != nil {
		return err
	}
	for _, h := range plan.Heads {
		if _, err := setHead.Exec(h.Seq, w.id(h.Room)); err != nil {
			return err
		}
	}
	return nil
}

// insert stores new messages in their order: one may answer another. Those that follow one
// another and are plain go together.
func (s *Store) insert(tx *sql.Tx, w *written, messages []*protocol.Message) error {
	for len(messages) > 0 {
		plain := slices.IndexFunc(messages, isWhole)
		if plain < 0 {
			plain = len(messages)
		}
		if plain == 0 {
			if _, err := tx.Stmt(s.write.insertWhole).Exec(w.args(nil, messageTable, messages[0])...); err != nil {
				return err
			}
			messages = messages[1:]
			continue
		}
		values := func(dst []any, row int) []any { return w.args(dst, plainTable, messages[row]) }
		if err := s.write.insertPlain.exec(tx, plain, values); err != nil {
			return err
		}
		messages = messages[plain:]
	}
	return nil
}

// isWhole tells whether a message has a value in a column that most have none in.
func isWhole(m *protocol.Message) bool { return m.Extra != nil }

// find answers a Lookup.
func (s *Store) find(tx *sql.Tx, w *written, l *persist.Lookup) (*persist.Found, error) {
	found := persist.NewFound(l)
	if err := s.findRooms(tx, w, l.Rooms, found); err != nil {
		return nil, err
	}
	if err := s.findSenders(tx, w, l.Senders, found); err != nil {
		return nil, err
	}
	for _, id := range l.Pins {
		var n int
		if _, err := scanRow(tx.Stmt(s.write.pins).QueryRow(id.String(), protocol.PinsMax), &n); err != nil {
			return nil, err
		}
		found.Pins[id] = n
	}
	for _, id := range l.Attachments {
		a, err := scanAttachment(tx.Stmt(s.write.attachment).QueryRow(id.String()))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		if err == nil {
			found.AddAttachment(a)
		}
	}
	if err := s.findQuotas(tx, l, found); err != nil {
		return nil, err
	}
	if err := s.findKnown(tx, w, l.Keys, found); err != nil {
		return nil, err
	}
	if err := s.findMessages(tx, l.Messages, found); err != nil {
		return nil, err
	}
	if err := s.findOriginals(tx, l.Originals, found); err != nil {
		return nil, err
	}
	return found, s.findReactions(tx, l, found)
}

func (s *Store) findRooms(tx *sql.Tx, w *written, ids []uuid.UUID, found *persist.Found) error {
	values := func(dst []any, row int) []any { return append(dst, row, w.id(ids[row])) }
	return s.write.heads.query(tx, len(ids), values, func(rows *sql.Rows) error {
		var row int
		var in persist.Room
		err := rows.Scan(&row, &in.Seq, &in.FirstSeq, &in.Trip)
		if err == nil {
			found.Rooms[ids[row]] = in
		}
		return err
	})
}

func (s *Store) findSenders(tx *sql.Tx, w *written, senders []persist.Sender, found *persist.Found) error {
	values := func(dst []any, row int) []any {
		return append(dst, row, w.id(senders[row].Trip), w.id(senders[row].User))
	}
	return s.write.senders.query(tx, len(senders), values, func(rows *sql.Rows) error {
		var row int
		err := rows.Scan(&row)
		if err == nil {
			found.Senders[senders[row]] = struct{}{}
		}
		return err
	})
}

func (s *Store) findMessages(tx *sql.Tx, ids []uuid.UUID, found *persist.Found) error {
	for _, id := range ids {
		if found.Messages[id] != nil {
			continue
		}
		m, err := s.oneMessage(tx.Stmt(s.write.message).QueryRow(id.String()))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err == nil {
			found.Messages[id] = m
		}
	}
	return nil
}

func (s *Store) findOriginals(tx *sql.Tx, ids []uuid.UUID, found *persist.Found) error {
	for _, id := range ids {
		if _, ok := found.Originals[id]; ok {
			continue
		}
		var in uuid.UUID
		var seq int64
		r := protocol.Reply{ID: id}
		ok, err := scanRow(tx.Stmt(s.write.original).QueryRow(id.String()), &in, &r.Content, &r.SenderEmail, &r.Deleted, &seq)
		if err != nil {
			return err
		}
		if ok {
			found.Originals[id] = persist.Original{Room: in, Seq: seq, Reply: *persist.NewReply(r)}
		}
	}
	return nil
}

// disown settles a commit whose outcome is doubtful, so that it counts as failed
// for good: a new commit takes its place in the WAL. It writes the file's own
// user_version again, which changes nothing but always writes a page.
func (s *Store) disown(ctx context.Context, cause error) error {
	err := func() error {
		tx, err := s.writer.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		var version int64
		if err := tx.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
			return rollBack(tx, err)
		}
		if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
			return rollBack(tx, err)
		}
		return tx.Commit()
	}()
	if err != nil {
		return fmt.Errorf("%w: %w; then %w", room.ErrOutcomeUnknown, cause, err)
	}
	return cause
}
