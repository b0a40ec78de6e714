package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// AppendStored appends the members of an Extra that have no column of their own, as the
// column "extra" holds them: a JSON object.
func (e *Extra) AppendStored(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, '{')
	if e.DeletedBy != "" {
		dst = append(dst, `"deleted_by":`...)
		dst = append(appendString(dst, string(e.DeletedBy)), ',')
	}
	if e.PinnedBy != uuid.Nil {
		dst = append(dst, `"pinned_by":`...)
		dst = append(appendUUID(dst, e.PinnedBy), ',')
	}
	if len(e.Reactions) > 0 {
		dst = append(dst, `"reactions":`...)
		dst = append(AppendReactions(dst, e.Reactions), ',')
	}
	if e.ReplyCount > 0 {
		dst = append(dst, `"reply_count":`...)
		dst = append(strconv.AppendInt(dst, int64(e.ReplyCount), 10), ',')
	}
	if len(e.Mentions) > 0 {
		dst = append(dst, `"mentions":`...)
		dst = append(appendUUIDs(dst, e.Mentions), ',')
	}
	if e.MentionsAll {
		dst = append(dst, `"mentions_all":true,`...)
	}
	if len(e.Attachments) > 0 {
		dst = append(dst, `"attachments":[`...)
		for i := range e.Attachments {
			dst = append(e.Attachments[i].appendStored(dst), ',')
		}
		dst[len(dst)-1] = ']'
		dst = append(dst, ',')
	}
	if e.Data != "" {
		dst = append(append(append(dst, `"data":`...), e.Data...), ',')
	}
	if e.Later != "" {
		dst = append(append(dst, e.Later...), ',')
	}
	if len(dst) > start+1 {
		dst = dst[:len(dst)-1] // the last comma
	}
	return append(dst, '}')
}

// Stored reports whether AppendStored has a member to tell.
func (e *Extra) Stored() bool {
	return e.DeletedBy != "" || e.PinnedBy != uuid.Nil || len(e.Reactions) > 0 || e.ReplyCount > 0 ||
		len(e.Mentions) > 0 || e.MentionsAll || e.Data != "" || len(e.Attachments) > 0 || e.Later != ""
}

var errNoObject = errors.New("extra is no JSON object")

// ParseStored adds to e what the column "extra" holds. Any program may have written it:
// what is of a wrong type is left out, and the error names one such member. Members that
// are not known stay in Later.
func (e *Extra) ParseStored(text []byte) (odd error) {
	s := scanner{text: text}
	s.space()
	if !utf8.Valid(text) || !s.eat('{') {
		return errNoObject
	}
	var later strings.Builder
	for s.space(); !s.eat('}'); s.space() {
		start := s.at
		key, ok := s.key()
		if !ok {
			return errNoObject
		}
		v, ok := s.value()
		if !ok {
			return errNoObject
		}
		name := string(key.text(nil))
		member, good := e.set(name, &v)
		switch {
		case !member:
			if later.Len() > 0 {
				later.WriteByte(',')
			}
			later.Write(s.text[start:s.at])
		case !good && v.kind != kindNull:
			odd = fmt.Errorf("extra has a %s that is none", name)
		}
		if s.space(); !s.eat(',') && s.peek() != '}' {
			return errNoObject
		}
	}
	e.Later = later.String()
	return odd
}

// set reads the member of that name; good says that it is one.
func (e *Extra) set(name string, v *value) (member, good bool) {
	switch name {
	case "deleted_by":
		good = v.kind == kindString
		e.DeletedBy = Deleter(v.text(nil))
		if good = good && e.DeletedBy.known(); !good {
			e.DeletedBy = ""
		}
	case "pinned_by":
		e.PinnedBy, good = v.id()
	case "reactions":
		e.Reactions, good = v.reactions()
	case "reply_count":
		e.ReplyCount, good = v.count()
	case "mentions":
		e.Mentions, good = v.ids()
	case "mentions_all":
		good = v.kind == kindTrue || v.kind == kindFalse
		e.MentionsAll = v.kind == kindTrue
	case "attachments":
		e.Attachments, good = v.attachments()
	case "data":
		if good = v.kind == kindNested && v.raw[0] == '{'; good {
			e.Data = string(appendCompact(nil, v.raw))
		}
	default:
		return false, true
	}
	return true, good
}

func (d Deleter) known() bool {
	return d == DeletedBySender || d == DeletedByModerator || d == DeletedByErasure
}

func (v *value) id() (uuid.UUID, bool) {
	if v.kind != kindString {
		return uuid.Nil, false
	}
	return ParseID(v.text(nil))
}

// count reads a whole number, 0 or more.
func (v *value) count() (int, bool) {
	if v.kind != kindNumber {
		return 0, false
	}
	n, err := strconv.Atoi(string(v.raw))
	if err != nil || n < 0 {
		return 0, false
	}
	return n, true
}

func (v *value) isArray() bool { return v.kind == kindNested && v.raw[0] == '[' }

// elements goes over the values of an array.
func (v *value) elements() iter.Seq[value] {
	return func(yield func(value) bool) {
		s := scanner{text: v.raw, at: 1}
		for s.space(); !s.eat(']'); s.space() {
			if element, ok := s.value(); !ok || !yield(element) {
				return
			}
			s.space()
			s.eat(',')
		}
	}
}

// elementsUpTo returns the values of an array that has at most so many.
func (v *value) elementsUpTo(most int) (all []value, ok bool) {
	if !v.isArray() {
		return nil, false
	}
	for element := range v.elements() {
		if len(all) == most {
			return nil, false
		}
		all = append(all, element)
	}
	return all, true
}

// ids reads an array of ids.
func (v *value) ids() ([]uuid.UUID, bool) {
	if !v.isArray() {
		return nil, false
	}
	all := []uuid.UUID{}
	for element := range v.elements() {
		id, ok := element.id()
		if !ok {
			return nil, false
		}
		all = append(all, id)
	}
	return all, true
}

// reactions reads an array of what AppendReactions appends.
func (v *value) reactions() ([]Reaction, bool) {
	if !v.isArray() {
		return nil, false
	}
	all := []Reaction{}
	for element := range v.elements() {
		var r Reaction
		if !r.read(&element) {
			return nil, false
		}
		all = append(all, r)
	}
	return slices.Clip(all), true
}

func (r *Reaction) read(v *value) bool {
	if v.kind != kindNested || v.raw[0] != '{' {
		return false
	}
	s := scanner{text: v.raw, at: 1}
	for s.space(); !s.eat('}'); s.space() {
		key, ok := s.key()
		if !ok {
			return false
		}
		member, ok := s.value()
		if !ok {
			return false
		}
		switch string(key.text(nil)) {
		case "emoji":
			r.Emoji, ok = string(member.text(nil)), member.kind == kindString
		case "count":
			r.Count, ok = member.count()
		case "by":
			r.By, ok = member.ids()
		}
		if !ok {
			return false
		}
		s.space()
		s.eat(',')
	}
	return r.Emoji != "" && r.Count > 0
}

// appendCompact appends a JSON text, which a scanner has checked, without the white space
// between its parts.
func appendCompact(dst, text []byte) []byte {
	for len(text) > 0 {
		n := bytes.IndexAny(text, " \t\r\n\"")
		if n < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:n]...)
		if text[n] != '"' {
			text = text[n+1:]
			continue
		}
		s := scanner{text: text, at: n}
		_, _ = s.str()
		dst = append(dst, text[n:s.at]...)
		text = text[s.at:]
	}
	return dst
}
