package protocol

import (
	"strconv"

	"github.com/google/uuid"
)

// patched says what a kind of change leaves alone but for a few members of the message, so
// that clients of version 2 are told those only.
type patched uint8

const (
	whole          patched = iota // nothing: the whole message is told
	patchedPin                    // pinned_at, pinned_by
	patchedSummary                // reactions, reply_count
)

// AppendPatch appends the frame of an Event that changes only a few members of a message, as
// clients of version 2 know it. Of another one nothing is appended. It is right only for who
// knows every event before it: m is the message right after this one.
func AppendPatch(dst []byte, k Kind, m *Message, seq, prev int64) []byte {
	row := k.row()
	if row.patched == whole {
		return dst
	}
	dst = append(dst, `{"type":"message_patch","chat_room_id":`...)
	dst = appendUUID(dst, m.RoomID)
	dst = append(dst, `,"message_id":`...)
	dst = appendUUID(dst, m.ID)
	dst = append(dst, `,"set":{`...)
	e := m.Extra
	if e == nil {
		e = &Extra{}
	}
	if row.patched == patchedPin {
		dst = e.appendPinSet(dst)
	} else {
		dst = e.appendSummarySet(dst)
	}
	dst = append(dst, `},"rev":`...)
	dst = strconv.AppendInt(dst, m.Rev, 10)
	dst = appendNumber(dst, seq, prev)
	return append(dst, '}')
}

// appendPinSet appends the members of a pin; null takes one away.
func (e *Extra) appendPinSet(dst []byte) []byte {
	dst = append(dst, `"pinned_at":`...)
	if e.PinnedAt.IsZero() {
		return append(dst, `null,"pinned_by":null`...)
	}
	dst = appendTime(dst, e.PinnedAt)
	dst = append(dst, `,"pinned_by":`...)
	if e.PinnedBy == uuid.Nil {
		return append(dst, "null"...)
	}
	return appendUUID(dst, e.PinnedBy)
}

// appendSummarySet appends the members of a summary; null takes one away.
func (e *Extra) appendSummarySet(dst []byte) []byte {
	dst = append(dst, `"reactions":`...)
	if len(e.Reactions) > 0 {
		dst = AppendReactions(dst, e.Reactions)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"reply_count":`...)
	if e.ReplyCount == 0 {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, int64(e.ReplyCount), 10)
}
