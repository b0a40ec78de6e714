package protocol

import (
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Extra is what most messages do not have. It never changes: a message that changes
// gets another one (Message.WithExtra).
type Extra struct {
	DeletedAt   time.Time // microseconds, UTC; zero: not deleted
	DeletedBy   Deleter   // empty: not known
	PinnedAt    time.Time // microseconds, UTC; zero: not pinned
	PinnedBy    uuid.UUID // zero: not known
	Reactions   []Reaction
	ReplyCount  int         // answers that are not deleted, as far as they are counted
	Mentions    []uuid.UUID // users
	MentionsAll bool
	Data        string // the application's: a JSON object without white space; empty: none

	// Attachments are the message's files, in the order of its sender. The sender's text is the
	// message's Content then, which is told as "caption". Of an Intent they have their ids alone.
	Attachments []Attachment
	// Links make the attachments' URLs when the message is encoded. Nil: they have none.
	Links Links

	// MyReactions are the emoji that whoever is shown the message has chosen. They are told over
	// REST alone, and are in nothing that is shared or stored.
	MyReactions []string

	// Later is what a later release has stored: members of a JSON object, which stay as
	// they are.
	Later string
}

// Deleter says who deleted a message.
type Deleter string

// Those who delete messages.
const (
	DeletedBySender    Deleter = "sender"
	DeletedByModerator Deleter = "moderator"
	DeletedByErasure   Deleter = "erased" // of all that a user has sent
)

// Reaction is how often one emoji was chosen for a message.
type Reaction struct {
	Emoji string
	Count int
	By    []uuid.UUID // nil: not told
}

// Deleted reports whether nothing is left of the message but its place.
func (m *Message) Deleted() bool { return m.Extra != nil && !m.Extra.DeletedAt.IsZero() }

// Pinned reports whether the message is pinned.
func (m *Message) Pinned() bool { return m.Extra != nil && !m.Extra.PinnedAt.IsZero() }

// Reacted reports whether somebody has chosen an emoji for the message.
func (m *Message) Reacted() bool { return m.Extra != nil && len(m.Extra.Reactions) > 0 }

// ReactionsOf returns the emoji that a user has chosen for the message. Where its reactions do
// not say who they are from that is not known.
func (m *Message) ReactionsOf(user uuid.UUID) (emoji []string, known bool) {
	if !m.Reacted() {
		return nil, true
	}
	for _, r := range m.Extra.Reactions {
		if r.By == nil {
			return nil, false
		}
		if slices.Contains(r.By, user) {
			emoji = append(emoji, r.Emoji)
		}
	}
	return emoji, true
}

// WithExtra gives m an Extra of its own that change has made of the present one.
func (m *Message) WithExtra(change func(*Extra)) {
	e := new(Extra)
	if m.Extra != nil {
		*e = *m.Extra
	}
	change(e)
	m.Extra = e.orNil()
}

// Tombstone is what a deleted message keeps.
func (e *Extra) Tombstone() Extra {
	return Extra{DeletedAt: e.DeletedAt, DeletedBy: e.DeletedBy, ReplyCount: e.ReplyCount}
}

// orNil returns nil in place of an Extra that says nothing.
func (e *Extra) orNil() *Extra {
	if e.DeletedAt.IsZero() && e.PinnedAt.IsZero() && len(e.Reactions) == 0 && e.ReplyCount == 0 &&
		len(e.Mentions) == 0 && !e.MentionsAll && e.Data == "" && len(e.Attachments) == 0 && e.Later == "" {
		return nil
	}
	return e
}

// appendExtra appends what a message has besides the members of a plain one.
func (e *Extra) appendExtra(dst []byte, links linking) []byte {
	if !e.DeletedAt.IsZero() {
		dst = append(dst, `,"deleted_at":`...)
		dst = appendTime(dst, e.DeletedAt)
		if e.DeletedBy != "" {
			dst = append(dst, `,"deleted_by":`...)
			dst = appendString(dst, string(e.DeletedBy))
		}
	}
	if !e.PinnedAt.IsZero() {
		dst = append(dst, `,"pinned_at":`...)
		dst = appendTime(dst, e.PinnedAt)
		if e.PinnedBy != uuid.Nil {
			dst = append(dst, `,"pinned_by":`...)
			dst = appendUUID(dst, e.PinnedBy)
		}
	}
	if len(e.Reactions) > 0 {
		dst = append(dst, `,"reactions":`...)
		dst = AppendReactions(dst, e.Reactions)
	}
	if e.ReplyCount > 0 {
		dst = append(dst, `,"reply_count":`...)
		dst = strconv.AppendInt(dst, int64(e.ReplyCount), 10)
	}
	if len(e.Mentions) > 0 {
		dst = append(dst, `,"mentions":`...)
		dst = appendUUIDs(dst, e.Mentions)
	}
	if e.MentionsAll {
		dst = append(dst, `,"mentions_all":true`...)
	}
	if len(e.Attachments) > 0 {
		dst = e.appendAttachments(dst, links)
	}
	if e.Data != "" {
		dst = append(dst, `,"data":`...)
		dst = append(dst, e.Data...)
	}
	if len(e.MyReactions) > 0 {
		dst = appendStrings(append(dst, `,"my_reactions":`...), e.MyReactions)
	}
	return dst
}

// AppendReactions appends the JSON array of a message's reactions.
func AppendReactions(dst []byte, all []Reaction) []byte {
	dst = append(dst, '[')
	for i := range all {
		r := &all[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"emoji":`...)
		dst = appendString(dst, r.Emoji)
		dst = append(dst, `,"count":`...)
		dst = strconv.AppendInt(dst, int64(r.Count), 10)
		if r.By != nil {
			dst = append(dst, `,"by":`...)
			dst = appendUUIDs(dst, r.By)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func appendUUIDs(dst []byte, ids []uuid.UUID) []byte {
	dst = append(dst, '[')
	for i := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendUUID(dst, ids[i])
	}
	return append(dst, ']')
}

// The bytes that an emoji, an id and the like take in a message's object, about.
const (
	reactionBytes   = 48
	attachmentBytes = 512 // with its URL, or two
	idBytes         = idHyphenated + 3
)

// Bytes is about how many bytes what people have written takes in the message's object.
func (m *Message) Bytes() int {
	n := len(m.Content)
	if e := m.Extra; e != nil {
		n += len(e.Data) + idBytes*len(e.Mentions)
		for i := range e.Attachments {
			n += attachmentBytes + 3*len(e.Attachments[i].Name)
		}
		for i := range e.Reactions {
			n += reactionBytes + len(e.Reactions[i].Emoji) + idBytes*len(e.Reactions[i].By)
		}
	}
	return n
}

// Equal reports whether two say the same. Nil says nothing.
func (e *Extra) Equal(other *Extra) bool {
	if e == nil || other == nil {
		return e == other
	}
	sameReaction := func(a, b Reaction) bool {
		return a.Emoji == b.Emoji && a.Count == b.Count && slices.Equal(a.By, b.By)
	}
	return e.DeletedAt.Equal(other.DeletedAt) && e.DeletedBy == other.DeletedBy &&
		e.PinnedAt.Equal(other.PinnedAt) && e.PinnedBy == other.PinnedBy &&
		slices.EqualFunc(e.Reactions, other.Reactions, sameReaction) && e.ReplyCount == other.ReplyCount &&
		slices.Equal(e.Mentions, other.Mentions) && e.MentionsAll == other.MentionsAll &&
		e.Data == other.Data && slices.Equal(e.Attachments, other.Attachments) && e.Later == other.Later
}
