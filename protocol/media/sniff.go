package media

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// sniffBytes is how much of a file is looked at to tell its type.
const sniffBytes = 4096

// magic are the formats that a few bytes at their beginning tell.
var magic = []struct {
	prefix string
	typ    Type
}{
	{"\xFF\xD8\xFF", JPEG},
	{pngSignature, PNG},
	{"GIF87a", GIF}, {"GIF89a", GIF},
	{"II*\x00", TIFF}, {"MM\x00*", TIFF}, {"II+\x00", TIFF}, {"MM\x00+", TIFF},
	{"\xFF\x0A", JXL}, {"\x00\x00\x00\x0CJXL \r\n\x87\n", JXL},
	{"\x00\x00\x00\x0CjP  \r\n\x87\n", JP2}, {"\xFF\x4F\xFF\x51", JP2},
	{"ID3\x02", MP3}, {"ID3\x03", MP3}, {"ID3\x04", MP3},
	{"fLaC", FLAC},
	{"#!AMR", AMR},
	{"%PDF-", PDF},
	{"{\\rtf", RTF},
	{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", OldWord},
}

// Sniff tells the type of a file by its first bytes: 4096 of them, or all that it has.
func Sniff(head []byte) Type {
	for _, m := range magic {
		if bytes.HasPrefix(head, []byte(m.prefix)) {
			return m.typ
		}
	}
	for _, look := range []func([]byte) Type{sniffRIFF, sniffBoxes, sniffMatroska, sniffOgg, sniffZip, sniffBMP, sniffSound, sniffText} {
		if t := look(head); t != "" {
			return t
		}
	}
	return Unknown
}

func sniffRIFF(b []byte) Type {
	if len(b) < riffHeaderBytes || string(b[:4]) != "RIFF" {
		return ""
	}
	switch string(b[8:12]) {
	case "WEBP":
		return WebP
	case "WAVE":
		return WAV
	case "AVI ":
		return AVI
	}
	return Unknown
}

// brands are those of the box ftyp, the first of a file being its main one.
var brands = map[string]Type{
	"avif": AVIF, "avis": AVIF,
	"heic": HEIC, "heix": HEIC, "heim": HEIC, "heis": HEIC, "hevc": HEIC, "hevx": HEIC, "hevm": HEIC, "hevs": HEIC,
	"mif1": HEIF, "msf1": HEIF, "miaf": HEIF,
	"M4A ": M4A, "M4B ": M4A, "M4P ": M4A,
	"qt  ": QuickTime,
	"3gp4": ThreeGP, "3gp5": ThreeGP, "3gp6": ThreeGP, "3g2a": ThreeGP,
	"isom": MP4, "iso2": MP4, "iso4": MP4, "iso5": MP4, "iso6": MP4, "mp41": MP4, "mp42": MP4, "avc1": MP4, "dash": MP4, "M4V ": MP4, "MSNV": MP4,
	"jp2 ": JP2, "jxl ": JXL, "crx ": TIFF,
}

func sniffBoxes(b []byte) Type {
	if len(b) < 12 {
		return ""
	}
	name := string(b[4:8])
	if name != "ftyp" {
		// QuickTime of before ftyp begins with what it has.
		if size := binary.BigEndian.Uint32(b); (size == 1 || size >= 8) && slices.Contains([]string{"moov", "mdat", "wide", "pnot"}, name) {
			return QuickTime
		}
		return ""
	}
	main := brands[string(b[8:12])]
	if main != "" && main != HEIF && main != MP4 {
		return main
	}
	size := min(int(binary.BigEndian.Uint32(b)), len(b))
	for at := 16; at+4 <= size; at += 4 { // a general brand: the others tell more
		if t := brands[string(b[at:at+4])]; main == HEIF && (t == AVIF || t == HEIC) {
			return t
		} else if main == "" {
			main = t
		}
	}
	if main == "" {
		return MP4 // the structure is known, whatever the brand
	}
	return main
}

func sniffMatroska(b []byte) Type {
	if !bytes.HasPrefix(b, []byte("\x1A\x45\xDF\xA3")) {
		return ""
	}
	const docType = "\x42\x82"
	head := b[:min(len(b), 64)]
	if i := bytes.Index(head, []byte(docType)); i > 0 && bytes.Contains(head[i:min(i+2+8+4, len(head))], []byte("webm")) {
		return WebM
	}
	return Matroska
}

func sniffOgg(b []byte) Type {
	if !bytes.HasPrefix(b, []byte("OggS\x00")) {
		return ""
	}
	for _, video := range []string{"\x80theora", "BBCD\x00", "\x01video"} {
		if bytes.Contains(b[:min(len(b), 512)], []byte(video)) {
			return OggVideo
		}
	}
	return Ogg
}

// sniffZip tells an archive from the documents that are one.
func sniffZip(b []byte) Type {
	if !bytes.HasPrefix(b, []byte("PK\x03\x04")) && !bytes.HasPrefix(b, []byte("PK\x05\x06")) {
		return ""
	}
	const nameAt = 30
	if len(b) < nameAt {
		return Zip
	}
	name := string(b[nameAt:min(len(b), nameAt+int(binary.LittleEndian.Uint16(b[26:])))])
	if name == "mimetype" { // it comes first, and is not compressed
		content := string(b[nameAt+len(name):])
		for _, t := range []Type{ODT, ODS, ODP, EPUB} {
			if strings.HasPrefix(content, string(t)) {
				return t
			}
		}
		return Zip
	}
	for _, part := range officeParts {
		if strings.HasPrefix(name, part.dir) || bytes.Contains(b, []byte("\x00"+part.dir)) {
			return part.typ
		}
	}
	return Zip
}

// officeParts are directories by which an archive is known for a document.
var officeParts = []struct {
	dir string
	typ Type
}{{"word/", Word}, {"xl/", Excel}, {"ppt/", Slides}}

func sniffBMP(b []byte) Type {
	const headers = 14 + 12
	if len(b) >= headers && string(b[:2]) == "BM" && binary.LittleEndian.Uint32(b[6:]) == 0 {
		return BMP
	}
	return ""
}

// sniffSound knows frames of MP3 and AAC that no header precedes: two must follow each other.
func sniffSound(b []byte) Type {
	if len(b) < 7 || b[0] != 0xFF {
		return ""
	}
	if b[1]&0xF6 == 0xF0 {
		if next := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5; next > 7 && follows(b, next) {
			return AAC
		}
		return ""
	}
	if next := mp3Frame(b); next > 0 && follows(b, next) {
		return MP3
	}
	return ""
}

// follows reports whether a frame like the first begins there, or the file ends.
func follows(b []byte, at int) bool {
	return at == len(b) || at+1 < len(b) && b[at] == 0xFF && b[at+1]&0xFE == b[1]&0xFE
}

// mp3Frame returns the length of a frame of layer III, or 0.
func mp3Frame(b []byte) int {
	rates1 := [...]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0}
	rates2 := [...]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}
	frequencies := [...]int{44100, 48000, 32000, 0}
	version, layer := b[1]>>3&3, b[1]>>1&3
	frequency, pad := frequencies[b[2]>>2&3], int(b[2]>>1&1)
	if b[1]&0xE0 != 0xE0 || version == 1 || layer != 1 || frequency == 0 {
		return 0
	}
	if version == 3 {
		if rate := rates1[b[2]>>4]; rate > 0 {
			return 144*rate*1000/frequency + pad
		}
		return 0
	}
	if frequency /= 2; version == 0 { // 2.5
		frequency /= 2
	}
	if rate := rates2[b[2]>>4]; rate > 0 {
		return 72*rate*1000/frequency + pad
	}
	return 0
}

// active are beginnings of text that a browser runs, as WHATWG's MIME sniffing lists them.
var active = []string{
	"<!doctype html", "<html", "<head", "<script", "<iframe", "<h1", "<div", "<font", "<table", "<a", "<style", "<title", "<b", "<body", "<br", "<p", "<!--", "<img", "<link", "<meta", "<object", "<embed", "<form", "<base",
}

// sniffText tells text by what it does not have: control characters and broken UTF-8.
func sniffText(b []byte) Type {
	if bytes.HasPrefix(b, []byte("\xFE\xFF")) || bytes.HasPrefix(b, []byte("\xFF\xFE")) {
		b = fromUTF16(b)
	}
	if !plain(b) {
		return ""
	}
	text := strings.ToLower(strings.TrimLeft(strings.TrimPrefix(string(b), "\uFEFF"), "\t\n\f\r "))
	if strings.Contains(text, "<svg") && strings.HasPrefix(text, "<") {
		return SVG
	}
	for _, tag := range active {
		if strings.HasPrefix(text, tag) {
			return HTML
		}
	}
	if strings.HasPrefix(text, "<?xml") || strings.HasPrefix(text, "<!") || strings.HasPrefix(text, "<") && strings.Contains(text, "xmlns") {
		return XML
	}
	return Text
}

// plain reports whether bytes are UTF-8 without control characters; a character may be cut
// at their end.
func plain(b []byte) bool {
	for len(b) > 0 {
		c, n := utf8.DecodeRune(b)
		if c == utf8.RuneError && n == 1 {
			return len(b) < utf8.UTFMax && !utf8.FullRune(b)
		}
		if c < ' ' && !strings.ContainsRune("\t\n\f\r\x1B", c) || c == 0x7F {
			return false
		}
		b = b[n:]
	}
	return true
}

// fromUTF16 returns text that begins with a byte order mark as UTF-8.
func fromUTF16(b []byte) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	if b[0] == 0xFE {
		order = binary.BigEndian
	}
	units := make([]uint16, 0, len(b)/2)
	for b = b[2:]; len(b) >= 2; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	if n := len(units); n > 0 && utf16.IsSurrogate(rune(units[n-1])) {
		units = units[:n-1] // its second half is beyond
	}
	return []byte(string(utf16.Decode(units)))
}
