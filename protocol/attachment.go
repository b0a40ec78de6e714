package protocol

import (
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Attachment is a file that somebody has uploaded, as a message has it.
type Attachment struct {
	ID      uuid.UUID
	Name    string
	MIME    string
	Size    int64 // bytes
	Width   int   // of an image, as it is shown; 0: not known
	Height  int
	Preview bool // there is a smaller image of it
}

// Links makes the URLs by which attachments are read. They are made when a message is encoded
// and stored nowhere. It is safe for concurrent use.
type Links interface {
	// AppendLink appends a URL that needs no escapes in a JSON string.
	AppendLink(dst []byte, a *Attachment, end int64) []byte
	// End is until when a URL works that is made now, in seconds since 1970.
	End() int64
}

// PreviewParam at the end of an attachment's URL names its preview.
const PreviewParam = "&preview=1"

// AppendAttachment appends the JSON object that clients know an attachment as. Nil links make
// no URL.
func AppendAttachment(dst []byte, a *Attachment, links Links) []byte {
	return a.append(dst, linking{links: links}.begin())
}

// linking is what the making of a message's links needs. Nil links: there are none.
type linking struct {
	links Links
	end   int64 // until when they work
	made  span  // of the first attachment's, in what was appended before; empty: it is not made yet
}

// span is a part of what was appended.
type span struct{ from, to int }

func (l linking) begin() linking {
	if l.links != nil {
		l.end = l.links.End()
	}
	return l
}

// append appends the object of an attachment.
func (a *Attachment) append(dst []byte, with linking) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendUUID(dst, a.ID)
	dst = append(dst, `,"name":`...)
	dst = appendString(dst, a.Name)
	dst = append(dst, `,"mime":`...)
	dst = appendString(dst, a.MIME)
	dst = append(dst, `,"size":`...)
	dst = strconv.AppendInt(dst, a.Size, 10)
	made := with.made
	if with.links != nil {
		dst = append(dst, `,"url":"`...)
		if made == (span{}) {
			made.from = len(dst)
			dst = with.links.AppendLink(dst, a, with.end)
			made.to = len(dst)
		} else {
			dst = append(dst, dst[made.from:made.to]...)
		}
		dst = append(dst, `","expires_at":`...)
		dst = appendTime(dst, time.Unix(with.end, 0))
	}
	dst = a.appendMeasures(dst)
	if with.links != nil && a.Preview {
		dst = append(dst, `,"preview_url":"`...)
		dst = append(append(dst, dst[made.from:made.to]...), PreviewParam+`"`...)
	}
	return append(dst, '}')
}

func (a *Attachment) appendMeasures(dst []byte) []byte {
	if a.Width > 0 && a.Height > 0 {
		dst = append(dst, `,"width":`...)
		dst = strconv.AppendInt(dst, int64(a.Width), 10)
		dst = append(dst, `,"height":`...)
		dst = strconv.AppendInt(dst, int64(a.Height), 10)
	}
	return dst
}

// appendStored appends an attachment as a message's column "extra" has it.
func (a *Attachment) appendStored(dst []byte) []byte {
	dst = a.append(dst, linking{})
	if a.Preview {
		dst = append(dst[:len(dst)-1], `,"preview":true}`...)
	}
	return dst
}

// appendContent appends the members "content" and, where there are attachments, "caption". Their
// message's content is the first one's URL, as clients of version 1 know a file.
func (m *Message) appendContent(dst []byte) (_ []byte, with linking) {
	e := m.Extra
	dst = append(dst, `,"content":`...)
	if e == nil || len(e.Attachments) == 0 {
		return appendString(dst, m.Content), with
	}
	if with = (linking{links: e.Links}).begin(); e.Links == nil {
		dst = appendString(dst, m.Content)
	} else {
		dst = append(dst, '"')
		with.made.from = len(dst)
		dst = e.Links.AppendLink(dst, &e.Attachments[0], with.end)
		with.made.to = len(dst)
		dst = append(dst, '"')
	}
	return appendString(append(dst, `,"caption":`...), m.Content), with
}

// appendAttachments appends the array of a message's attachments, of which the first one's link
// is made.
func (e *Extra) appendAttachments(dst []byte, with linking) []byte {
	dst = append(dst, `,"attachments":[`...)
	for i := range e.Attachments {
		if i > 0 {
			dst = append(dst, ',')
			with.made = span{}
		}
		dst = e.Attachments[i].append(dst, with)
	}
	return append(dst, ']')
}

// Quoted is what a reply shows of the message's text, which it may have to cut: of attachments
// without a caption the first one's name.
func (m *Message) Quoted() string {
	if m.Content == "" && m.Extra != nil && len(m.Extra.Attachments) > 0 {
		return m.Extra.Attachments[0].Name
	}
	return m.Content
}

// readAttachments reads which uploads a new message has, in their order.
func (in *fields) readAttachments() ([]Attachment, *Error) {
	v := &in.attachments
	if v.kind == kindAbsent || v.kind == kindNull {
		return nil, nil
	}
	if !v.isArray() {
		return nil, ErrAttachmentsField
	}
	var all []Attachment
	for element := range v.elements() {
		id, ok := element.id()
		if !ok || len(all) == AttachmentsMax {
			return nil, ErrInvalidAttachment
		}
		all = append(all, Attachment{ID: id})
	}
	return all, nil
}

// attachments reads an array of what appendStored appends.
func (v *value) attachments() ([]Attachment, bool) {
	if !v.isArray() {
		return nil, false
	}
	var all []Attachment
	for element := range v.elements() {
		var a Attachment
		if !a.read(&element) {
			return nil, false
		}
		all = append(all, a)
	}
	return all, true
}

func (a *Attachment) read(v *value) bool {
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
		if !ok || !a.set(string(key.text(nil)), &member) {
			return false
		}
		s.space()
		s.eat(',')
	}
	return a.ID != uuid.Nil && ValidName(a.Name) && a.MIME != "" && a.Size >= 0
}

func (a *Attachment) set(name string, v *value) (ok bool) {
	switch name {
	case "id":
		a.ID, ok = v.id()
	case "name":
		a.Name, ok = string(v.text(nil)), v.kind == kindString
	case "mime":
		a.MIME, ok = string(v.text(nil)), v.kind == kindString
	case "size":
		var n int
		n, ok = v.count()
		a.Size = int64(n)
	case "width":
		a.Width, ok = v.count()
	case "height":
		a.Height, ok = v.count()
	case "preview":
		a.Preview, ok = v.kind == kindTrue, true
	default:
		ok = true
	}
	return ok
}

// ValidName reports whether a file may have that name: 1 to NameBytesMax bytes of UTF-8 that
// name no other directory and hide nothing from who reads them.
func ValidName(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > NameBytesMax || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		if r == '/' || r == '\\' || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return false
		}
	}
	return true
}
