package media

import (
	"slices"
	"strings"
)

// Type is a MIME type without parameters, as the bytes of a file tell it.
type Type string

// The types that are told apart. What is none of them is Unknown.
const (
	JPEG Type = "image/jpeg"
	PNG  Type = "image/png"
	GIF  Type = "image/gif"
	WebP Type = "image/webp"
	AVIF Type = "image/avif"
	HEIC Type = "image/heic"
	HEIF Type = "image/heif"
	BMP  Type = "image/bmp"
	TIFF Type = "image/tiff" // and what cameras call raw
	JXL  Type = "image/jxl"
	JP2  Type = "image/jp2"
	SVG  Type = "image/svg+xml"

	MP4       Type = "video/mp4"
	QuickTime Type = "video/quicktime"
	ThreeGP   Type = "video/3gpp"
	WebM      Type = "video/webm"
	Matroska  Type = "video/x-matroska"
	OggVideo  Type = "video/ogg"
	AVI       Type = "video/x-msvideo"

	MP3  Type = "audio/mpeg"
	M4A  Type = "audio/mp4"
	Ogg  Type = "audio/ogg"
	WAV  Type = "audio/wav"
	FLAC Type = "audio/flac"
	AAC  Type = "audio/aac"
	AMR  Type = "audio/amr"

	PDF     Type = "application/pdf"
	RTF     Type = "application/rtf"
	Zip     Type = "application/zip"
	EPUB    Type = "application/epub+zip"
	Word    Type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	Excel   Type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	Slides  Type = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	OldWord Type = "application/msword" // of the old office formats, which look alike
	ODT     Type = "application/vnd.oasis.opendocument.text"
	ODS     Type = "application/vnd.oasis.opendocument.spreadsheet"
	ODP     Type = "application/vnd.oasis.opendocument.presentation"

	Text Type = "text/plain"
	HTML Type = "text/html"
	XML  Type = "text/xml"

	Unknown Type = "application/octet-stream"
)

// DefaultTypes is what Allowed takes where nobody says otherwise: images, audio, video,
// text, PDF, office and zip.
const DefaultTypes = "image/*,audio/*,video/*,text/*,application/pdf,application/zip,application/epub+zip,application/rtf," +
	"application/msword,application/vnd.ms-*,application/vnd.openxmlformats-officedocument.*,application/vnd.oasis.opendocument.*"

// inline are the types that a browser may show in the page of the server: none of them can
// hold a script.
var inline = []Type{PNG, JPEG, GIF, WebP, AVIF, MP4, WebM, MP3, M4A, Ogg, "audio/webm"}

// Inline reports whether a browser may show a file of the type. All others are for
// downloading only.
func (t Type) Inline() bool { return slices.Contains(inline, t) }

// Family returns what stands before the slash.
func (t Type) Family() string {
	family, _, _ := strings.Cut(string(t), "/")
	return family
}

// Image reports whether the type is of the family image.
func (t Type) Image() bool { return t.Family() == "image" }

// bothFamilies are containers that hold video, or sound alone: their first bytes do not
// always say which.
var bothFamilies = map[Type]Type{MP4: M4A, M4A: MP4, WebM: "audio/webm", Ogg: OggVideo, OggVideo: Ogg, ThreeGP: "audio/3gpp"}

// finer are types that bytes cannot tell from another: a client that declares one is believed.
var finer = map[Type][]string{
	Text:    {"text/csv", "text/markdown", "text/calendar", "text/vcard", "text/tab-separated-values"},
	OldWord: {"application/vnd.ms-excel", "application/vnd.ms-powerpoint", "application/vnd.ms-outlook"},
	HEIC:    {"image/heif"},
	Zip:     {string(Word), string(Excel), string(Slides), string(ODT), string(ODS), string(ODP), string(EPUB)},
}

// Agree returns the type of a file whose bytes say t and whose client declared another: t
// itself within a family, since a wrong guess there does no harm, and false where the
// families differ. Who declares nothing, or octets, agrees with all.
func (t Type) Agree(declared string) (Type, bool) {
	declared, _, _ = strings.Cut(strings.ToLower(declared), ";")
	declared = strings.TrimSpace(declared)
	d := Type(declared)
	switch {
	case declared == "" || d == Unknown || d == t:
		return t, true
	case slices.Contains(finer[t], declared):
		return d, true
	case bothFamilies[t] != "" && bothFamilies[t].Family() == d.Family():
		return bothFamilies[t], true
	case t.Family() == "text" && textual(declared):
		return t, true
	}
	return t, t.Family() == d.Family()
}

// textual reports whether a declared type of the family application is text.
func textual(declared string) bool {
	return declared == "application/json" || declared == "application/xml" ||
		strings.HasPrefix(declared, "application/") && (strings.HasSuffix(declared, "+json") || strings.HasSuffix(declared, "+xml"))
}

// Allowed is a list of types that may be uploaded.
type Allowed []string

// ParseAllowed reads a list of MIME types, separated by commas. "*" at the end of one stands
// for anything. It returns false where one is no type.
func ParseAllowed(list string) (Allowed, bool) {
	var allowed Allowed
	for one := range strings.SplitSeq(list, ",") {
		one = strings.ToLower(strings.TrimSpace(one))
		family, rest, ok := strings.Cut(strings.TrimSuffix(one, "*"), "/")
		if !ok || family == "" || strings.ContainsAny(family+rest, "*/; \t") || rest == "" && !strings.HasSuffix(one, "*") {
			return nil, false
		}
		allowed = append(allowed, one)
	}
	return allowed, true
}

// Has reports whether the type is in the list.
func (a Allowed) Has(t Type) bool {
	return slices.ContainsFunc(a, func(one string) bool {
		prefix, wide := strings.CutSuffix(one, "*")
		return one == string(t) || wide && strings.HasPrefix(string(t), prefix)
	})
}
