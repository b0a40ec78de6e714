package media_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/caravan-chat/caravan/protocol/media"
)

func archive(names ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		name, content, _ := bytesCut(name)
		method := zip.Deflate
		if name == "mimetype" {
			method = zip.Store
		}
		f := must(w.CreateRaw(&zip.FileHeader{Name: name, Method: method, CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content))}))
		must(f.Write([]byte(content)))
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func bytesCut(s string) (string, string, bool) {
	a, b, ok := bytes.Cut([]byte(s), []byte("="))
	return string(a), string(b), ok
}

func TestSniff(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want media.Type
	}{
		{"JPEG", jpegOf(picture(2, 2)), media.JPEG}, {"PNG", pngOf(picture(2, 2)), media.PNG}, {"GIF", gifOf(1), media.GIF},
		{"WebP", lossyWebP, media.WebP}, {"AVIF", cameraHEIC("avif", 1, false), media.AVIF}, {"HEIC", cameraHEIC("heic", 1, false), media.HEIC},
		{"AVIF by a further brand", box("ftyp", []byte("mif1"), be32(0), []byte("miafavif")), media.AVIF},
		{"HEIC by a further brand", box("ftyp", []byte("mif1"), be32(0), []byte("mif1heic")), media.HEIC},
		{"MP4", box("ftyp", []byte("isom"), be32(0), []byte("mp41")), media.MP4}, {"MP4 of a brand to come", box("ftyp", []byte("zzzz"), be32(0)), media.MP4},
		{"M4A", box("ftyp", []byte("M4A "), be32(0)), media.M4A}, {"MOV", box("ftyp", []byte("qt  "), be32(0)), media.QuickTime},
		{"MOV of old", join(box("wide"), box("mdat", pixels)), media.QuickTime}, {"3GP", box("ftyp", []byte("3gp5"), be32(0)), media.ThreeGP},
		{"WebM", chattyWebM(true), media.WebM}, {"Matroska", element("\x1A\x45\xDF\xA3", element("\x42\x82", []byte("matroska"))), media.Matroska},
		{"MP3 with a tag", []byte("ID3\x04\x00\x00\x00\x00\x00\x00"), media.MP3},
		{"MP3", join([]byte("\xFF\xFB\x90\x64"), make([]byte, 413), []byte("\xFF\xFB\x90\x64")), media.MP3},
		{"MP3 of half the frequency", join([]byte("\xFF\xF3\x80\x64"), make([]byte, 72*64000/22050-4), []byte("\xFF\xF3\x80\x64")), media.MP3},
		{"AAC", join([]byte("\xFF\xF1\x50\x80\x02\x1F\xFC"), make([]byte, 9), []byte("\xFF\xF1\x50\x80")), media.AAC},
		{"Ogg", []byte("OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00aaaabbbbcccc\x01\x13OpusHead"), media.Ogg},
		{"Ogg with a picture", []byte("OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00aaaabbbbcccc\x01\x2A\x80theora"), media.OggVideo},
		{"WAV", riff("WAVE"), media.WAV}, {"AVI", riff("AVI "), media.AVI}, {"FLAC", []byte("fLaC\x00"), media.FLAC}, {"AMR", []byte("#!AMR\n"), media.AMR},
		{"PDF", []byte("%PDF-1.7\n/JS (app.alert(1))"), media.PDF}, {"RTF", []byte(`{\rtf1`), media.RTF}, {"TIFF", tiff(binary.BigEndian, 1), media.TIFF},
		{"zip", archive("a.txt", "b/c.txt"), media.Zip}, {"empty zip", archive(), media.Zip},
		{"docx", archive("[Content_Types].xml", "_rels/.rels", "word/document.xml"), media.Word}, {"xlsx", archive("xl/workbook.xml"), media.Excel},
		{"pptx", archive("[Content_Types].xml", "ppt/presentation.xml"), media.Slides}, {"odt", archive("mimetype=application/vnd.oasis.opendocument.text"), media.ODT},
		{"epub", archive("mimetype=application/epub+zip"), media.EPUB}, {"old office", []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), media.OldWord},
		{"BMP", []byte("BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00"), media.BMP},
		{"text", []byte("hello\n"), media.Text}, {"nothing", nil, media.Text}, {"text in other letters", []byte("путешествие 旅行 😀"), media.Text},
		{"text in UTF-16", []byte("\xFF\xFEh\x00i\x00"), media.Text}, {"CSV", []byte("a;b\r\n1;2\r\n"), media.Text}, {"BMP that is a word", []byte("BMW is a make of cars, and no picture"), media.Text},
		{"HTML", []byte(" \n<!DOCTYPE html><p>"), media.HTML}, {"a script", []byte("<ScRiPt>alert(1)</script>"), media.HTML}, {"HTML with a mark", []byte("\uFEFF<html>"), media.HTML},
		{"HTML in UTF-16", []byte("\xFE\xFF\x00<\x00h\x00t\x00m\x00l\x00>"), media.HTML}, {"a comment first", []byte("<!-- x --><script>"), media.HTML},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), media.SVG}, {"SVG in XML", []byte(`<?xml version="1.0"?><!-- c --><svg>`), media.SVG},
		{"XML", []byte(`<?xml version="1.0"?><gpx/>`), media.XML},
		{"a program", []byte("\x7FELF\x02\x01\x01\x00"), media.Unknown}, {"octets", []byte{0, 1, 2, 3}, media.Unknown}, {"broken UTF-8", []byte("caf\xE9 au lait"), media.Unknown},
		{"PDF behind something", []byte("x%PDF-1.7\x00"), media.Unknown},
	} {
		if got := media.Sniff(c.file[:min(len(c.file), 4096)]); got != c.want {
			t.Errorf("%s: %s and not %s", c.name, got, c.want)
		}
	}
}

// A character of text that is cut at the end of what is looked at is no fault.
func TestTextIsToldByItsBeginning(t *testing.T) {
	for cut := range 5 {
		text := append(bytes.Repeat([]byte("a"), cut), bytes.Repeat([]byte("😀"), 3000)...)
		out, r := cleaned(t, text)
		if r.Type != media.Text || !bytes.Equal(out, text) || r.Metadata != media.None {
			t.Errorf("%d: %+v", cut, r)
		}
	}
}

func TestAgree(t *testing.T) {
	for _, c := range []struct {
		sniffed  media.Type
		declared string
		want     media.Type
		ok       bool
	}{
		{media.JPEG, "image/jpeg", media.JPEG, true}, {media.JPEG, "image/png", media.JPEG, true}, {media.JPEG, "", media.JPEG, true}, {media.JPEG, "application/octet-stream", media.JPEG, true},
		{media.JPEG, "IMAGE/JPG; charset=x", media.JPEG, true}, {media.JPEG, "text/plain", media.JPEG, false}, {media.HTML, "image/png", media.HTML, false}, {media.HTML, "text/plain", media.HTML, true},
		{media.Text, "text/csv", "text/csv", true}, {media.Text, "text/html", media.Text, true}, {media.Text, "application/json", media.Text, true}, {media.XML, "application/gpx+xml", media.XML, true},
		{media.WebM, "audio/webm", "audio/webm", true}, {media.MP4, "audio/mp4", media.M4A, true}, {media.M4A, "video/mp4", media.MP4, true}, {media.Ogg, "video/ogg", media.OggVideo, true},
		{media.MP3, "video/mp4", media.MP3, false}, {media.OldWord, "application/vnd.ms-excel", "application/vnd.ms-excel", true}, {media.Zip, string(media.Word), media.Word, true},
		{media.PDF, "application/zip", media.PDF, true}, {media.PDF, "image/png", media.PDF, false}, {media.SVG, "image/svg+xml", media.SVG, true}, {media.Unknown, "application/pdf", media.Unknown, true},
	} {
		if got, ok := c.sniffed.Agree(c.declared); got != c.want || ok != c.ok {
			t.Errorf("%s, declared as %q: %s, %v", c.sniffed, c.declared, got, ok)
		}
	}
}

func TestAllowed(t *testing.T) {
	all, ok := media.ParseAllowed(media.DefaultTypes)
	if !ok {
		t.Fatal("the default is no list")
	}
	for typ, want := range map[media.Type]bool{media.JPEG: true, media.PDF: true, media.Word: true, media.ODT: true, media.OldWord: true, media.Text: true, media.WebM: true, media.Unknown: false, "application/x-sh": false} {
		if all.Has(typ) != want {
			t.Errorf("%s: %v", typ, !want)
		}
	}
	some, ok := media.ParseAllowed(" image/* , application/PDF")
	if !ok || !some.Has(media.GIF) || !some.Has(media.PDF) || some.Has(media.Zip) || some.Has(media.Text) {
		t.Errorf("%v", some)
	}
	for _, bad := range []string{"", "image", "image/", "/png", "*/*", "*", "image/*/x", "image/png;q=1", "image/png,,", "im age/png"} {
		if a, ok := media.ParseAllowed(bad); ok {
			t.Errorf("%q: %q", bad, a)
		}
	}
}

// What a browser could run is never shown inside the page.
func TestOnlyWhatCannotRunIsInline(t *testing.T) {
	for _, t2 := range []media.Type{media.SVG, media.HTML, media.XML, media.Text, media.PDF, media.Zip, media.Unknown, media.HEIC, media.BMP, "", "text/javascript"} {
		if t2.Inline() {
			t.Errorf("%s is shown", t2)
		}
	}
	for _, t2 := range []media.Type{media.PNG, media.JPEG, media.GIF, media.WebP, media.AVIF, media.MP4, media.WebM, media.MP3, media.M4A, media.Ogg} {
		if !t2.Inline() {
			t.Errorf("%s is not shown", t2)
		}
	}
}
