package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// A message as scanMessage reads it, with the alias m. Its sender may have been
// deleted by the application; the message keeps its place in the room's order.
var (
	messageColumns = list(readTable, func(c column) string { return c.selected }) + `,
	coalesce(u.email, ''), coalesce(u.username, ''), coalesce(u.first_name, ''), coalesce(u.last_name, ''),
	o.id, ` + quoted("o") + `, ou.email, o.deleted_at IS NOT NULL`
	messageJoins = ` LEFT JOIN users u ON u.id = m.sender_id
	LEFT JOIN chat_messages o ON o.id = m.reply_to_id AND (o.seq >= ` + firstSeqOf("o.chat_room_id") + `) IS NOT FALSE LEFT JOIN users ou ON ou.id = o.sender_id`
	selectMessage = `SELECT ` + messageColumns + ` FROM chat_messages m` + messageJoins

	// selectWalk merges two stretches by number, of messages and of changes: ?1 the
	// room, the numbers after ?2, at most ?3 of them.
	selectWalk = `SELECT m.seq AS at, 1 AS kind, m.id AS event, true, ` + messageColumns + ` FROM chat_messages m` + messageJoins + `
	WHERE m.chat_room_id = ?1 AND m.seq > max(?2, ` + firstSeqOf("?1") + ` - 1)
	UNION ALL SELECT e.seq, e.kind, e.id, m.id IS NOT NULL, ` + messageColumns + ` FROM chat_events e LEFT JOIN chat_messages m ON m.id = e.message_id AND m.seq >= ` + firstSeqOf("?1") + messageJoins + `
	WHERE e.chat_room_id = ?1 AND e.seq > ?2 ORDER BY at LIMIT ?3`
)

// quoted is what a reply shows of a message, which may be cut: its text, or, of files without a
// caption, the first one's name.
func quoted(message string) string {
	return `coalesce(nullif(substr(` + message + `.content, 1, 100), ''),
		CASE WHEN json_valid(` + message + `.extra) THEN substr(` + message + `.extra ->> '$.attachments[0].name', 1, 100) END, '')`
}

// firstSeqOf is the number that a room begins with.
func firstSeqOf(room string) string {
	return `max(coalesce((SELECT CAST(first_seq AS INTEGER) FROM chat_rooms WHERE id = ` + room + `), 1), 1)`
}

// writing are the statements of the connection that writes.
type writing struct {
	heads, senders, used, usedUnnumbered  many // look-ups of Append
	known, knownUnnumbered                *sql.Stmt
	message, original                     *sql.Stmt
	insertPlain                           many
	insertWhole                           *sql.Stmt
	updatePlain, updateWhole              *sql.Stmt
	note, setHead                         *sql.Stmt
	makeRoom                              *sql.Stmt
	deleteReactions, deleteMention        *sql.Stmt
	mention, pins                         *sql.Stmt
	attachment, claim, deleteFiles        *sql.Stmt
	usage, sent, count, setUsage, addSent *sql.Stmt
	ownReactions, reactions, emoji        *sql.Stmt
	replies, react, withdraw              *sql.Stmt
	due, dueNoMore, seen                  *sql.Stmt
	marks                                 map[persist.MarkColumn]**sql.Stmt
}

func (w *writing) prepare(ctx context.Context, db *sql.DB) error {
	texts := map[**sql.Stmt]string{
		&w.known: selectMessage + withNumber, &w.knownUnnumbered: selectMessage + withoutNumber,
		&w.message:  selectMessage + ` WHERE m.id = ? AND m.seq > 0`,
		&w.original: `SELECT coalesce(o.chat_room_id, ''), ` + quoted("o") + `, coalesce(u.email, ''), o.deleted_at IS NOT NULL, coalesce(o.seq, 0) FROM chat_messages o LEFT JOIN users u ON u.id = o.sender_id WHERE o.id = ?`,
		&w.usage:    selectUsage, &w.sent: selectSent, &w.count: countContents, &w.setUsage: setUsage, &w.addSent: addSent,
		&w.attachment: selectAttachment, &w.claim: claimAttachment, &w.deleteFiles: deleteAttachments,
		&w.deleteReactions: deleteReactions, &w.deleteMention: deleteMention,
		&w.mention:      `INSERT INTO chat_mentions (user_id, chat_room_id, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		&w.pins:         `SELECT count(*) FROM (SELECT 1 FROM chat_messages WHERE chat_room_id = ? AND pinned_at IS NOT NULL AND deleted_at IS NULL LIMIT ?)`,
		&w.ownReactions: selectOwnReactions, &w.reactions: selectReactions, &w.emoji: countEmoji, &w.replies: countReplies,
		&w.react: insertReaction, &w.withdraw: withdrawReaction, &w.due: insertDue, &w.dueNoMore: deleteDue, &w.seen: insertSeen,
		&w.insertWhole: insertWhole,
		&w.updatePlain: updatePlain, &w.updateWhole: updateWhole,
		&w.note:     `INSERT INTO chat_events (chat_room_id, seq, id, kind, message_id, actor_id, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		&w.setHead:  `UPDATE chat_rooms SET last_seq = ? WHERE id = ?`,
		&w.makeRoom: `INSERT INTO chat_rooms (id, trip_id, created_at, last_seq) VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING`,
	}
	w.marks = make(map[persist.MarkColumn]**sql.Stmt)
	for _, column := range persist.MarkColumns {
		statement := new(*sql.Stmt)
		w.marks[column], texts[statement] = statement, raiseMark(column)
	}
	return errors.Join(
		prepare(ctx, db, texts),
		w.heads.prepare(ctx, db, selectHeads, 2),
		w.senders.prepare(ctx, db, selectSenders, 3),
		w.used.prepare(ctx, db, selectUsed, 1),
		w.usedUnnumbered.prepare(ctx, db, usedUnnumbered, 4),
		w.insertPlain.prepare(ctx, db, insertPlain, len(plainTable)),
	)
}

// The look-ups of a batch. The first value of each row is its number.
const (
	selectHeads = `SELECT k.column1, coalesce(r.last_seq, 0), max(coalesce(CAST(r.first_seq AS INTEGER), 1), 1), r.trip_id
		FROM (VALUES (?)) k CROSS JOIN chat_rooms r ON r.id = k.column2`
	selectSenders = `SELECT k.column1 FROM (VALUES (?)) k WHERE EXISTS (SELECT 1 FROM collaborators WHERE trip_id = k.column2 AND user_id = k.column3)
		AND EXISTS (SELECT 1 FROM users WHERE id = k.column3) AND EXISTS (SELECT 1 FROM trips WHERE id = k.column2)`
)

// reading are connections that read, and their statements.
type reading struct {
	db *sql.DB

	head, end, latest, walk, before, after, message  *sql.Stmt
	repliesBefore, repliesAfter, pins                *sql.Stmt
	access, rooms, roomless                          *sql.Stmt
	mark, unread, further, mentioned, readMarks, due *sql.Stmt
	marksOfFew, readerCount, readers                 *sql.Stmt
	uncounted                                        *sql.Stmt
	own, reactions, emoji, reactors                  *sql.Stmt
	members                                          *sql.Stmt
}

// theirRole is the role of the user u in the trip t. The name role means a column of
// collaborators, or, where that has none, the NULL around it. Of somebody who is there twice
// the role counts that comes first.
var theirRole = fmt.Sprintf(`(SELECT (SELECT substr(CAST(role AS TEXT), 1, %d) FROM collaborators x
	WHERE x.trip_id = t.id AND x.user_id = u.id ORDER BY role IS NULL, 1 LIMIT 1) FROM (SELECT NULL AS role))`, protocol.RoleRunesMax+1)

// isActive says whether the user u is active, where users has such a column. NULL is false, as
// elsewhere.
const isActive = `(SELECT (SELECT lower(coalesce(CAST(is_active AS TEXT), '0')) NOT IN ('0', 'false') FROM users x WHERE x.id = u.id)
	FROM (SELECT 1 AS is_active))`

func (r *reading) prepare(ctx context.Context) error {
	return prepare(ctx, r.db, map[**sql.Stmt]string{
		&r.head: `SELECT coalesce(last_seq, 0) FROM chat_rooms WHERE id = ?`,
		&r.end: `SELECT coalesce(r.last_seq, 0), coalesce(m.id, e.id), coalesce(m.id, e.message_id) FROM chat_rooms r
			LEFT JOIN chat_messages m ON m.chat_room_id = r.id AND m.seq = r.last_seq
			LEFT JOIN chat_events e ON e.chat_room_id = r.id AND e.seq = r.last_seq WHERE r.id = ?`,
		&r.mark: selectMark, &r.unread: selectUnread, &r.further: selectFurther, &r.mentioned: selectMentioned, &r.readMarks: selectReadMarks, &r.due: selectDue, &r.uncounted: selectUncounted,
		&r.marksOfFew: selectMarksOfFew, &r.readerCount: countReaders, &r.readers: selectReaders, &r.members: selectMembers,
		&r.own: selectOwn, &r.reactions: selectReactions, &r.emoji: countEmoji, &r.reactors: selectReactors,
		&r.latest: selectMessage + ` WHERE m.chat_room_id = ?1 AND m.seq >= ` + firstSeqOf("?1") + ` ORDER BY m.seq DESC LIMIT ?2`,
		&r.walk:   selectWalk,
		&r.before: selectMessage + ` WHERE m.chat_room_id = ?1 AND m.seq < ?2 AND m.seq >= ` + firstSeqOf("?1") + ` ORDER BY m.seq DESC LIMIT ?3`,
		&r.after:  selectMessage + ` WHERE m.chat_room_id = ?1 AND m.seq > max(?2, ` + firstSeqOf("?1") + ` - 1) ORDER BY m.seq LIMIT ?3`,
		// The room's index is of no use for +chat_room_id.
		&r.repliesBefore: selectMessage + ` WHERE m.reply_to_id = ?2 AND +m.chat_room_id = ?1 AND m.seq < ?3 AND m.seq >= ` + firstSeqOf("?1") + ` ORDER BY m.seq DESC LIMIT ?4`,
		&r.repliesAfter:  selectMessage + ` WHERE m.reply_to_id = ?2 AND +m.chat_room_id = ?1 AND m.seq > max(?3, ` + firstSeqOf("?1") + ` - 1) ORDER BY m.seq LIMIT ?4`,
		&r.pins:          selectMessage + ` WHERE m.chat_room_id = ?1 AND m.pinned_at IS NOT NULL AND m.deleted_at IS NULL AND m.seq >= ` + firstSeqOf("?1") + ` AND (m.pinned_at, m.id) < (?2, ?3) ORDER BY m.pinned_at DESC, m.id DESC LIMIT ?4`,
		&r.message:       selectMessage + ` WHERE m.id = ? AND m.seq >= ` + firstSeqOf("m.chat_room_id"),
		&r.access: `SELECT ` + isActive + `, coalesce(u.email, ''), coalesce(u.username, ''), coalesce(u.first_name, ''), coalesce(u.last_name, ''),
				t.id, t.title, r.id, r.last_seq, CASE WHEN r.id IS NOT NULL THEN max(coalesce(CAST(r.first_seq AS INTEGER), 1), 1) ELSE 0 END, coalesce(CAST(r.slow_mode AS INTEGER), 0), ` + theirRole + `, coalesce(min(CAST(d.read_seq AS INTEGER), r.last_seq), 0)
			FROM users u
			LEFT JOIN collaborators c ON c.user_id = u.id AND c.trip_id = coalesce(
				(SELECT trip_id FROM chat_rooms WHERE id = ?2 AND NOT ?3), ?2)
			LEFT JOIN trips t ON t.id = c.trip_id
			LEFT JOIN chat_rooms r ON r.trip_id = t.id
			LEFT JOIN chat_reads d ON d.chat_room_id = r.id AND d.user_id = u.id
			WHERE u.id = ?1 LIMIT 1`,
		&r.rooms: `SELECT r.id, r.trip_id, coalesce(t.title, ''), coalesce(r.last_seq, 0), max(coalesce(CAST(r.first_seq AS INTEGER), 1), 1), coalesce(CAST(r.slow_mode AS INTEGER), 0), ` + theirRole + `
			FROM chat_rooms r JOIN trips t ON t.id = r.trip_id CROSS JOIN (SELECT ?1 AS id) u
			WHERE r.id > ?2 AND r.trip_id IN (SELECT trip_id FROM collaborators WHERE user_id = ?1) ORDER BY r.id LIMIT ?3`,
		&r.roomless: `SELECT DISTINCT c.trip_id FROM collaborators c JOIN trips t ON t.id = c.trip_id
			WHERE c.user_id = ? AND NOT EXISTS (SELECT 1 FROM chat_rooms r WHERE r.trip_id = c.trip_id)`,
	})
}

func prepare(ctx context.Context, db *sql.DB, texts map[**sql.Stmt]string) error {
	for statement, text := range texts {
		var err error
		if *statement, err = db.PrepareContext(ctx, text); err != nil {
			return fmt.Errorf("%w in %s", err, text)
		}
	}
	return nil
}
