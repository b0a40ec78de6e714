package protocol

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// manual is the page that tells client authors about this package.
func manual(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestManualTellsEveryErrorAndCloseCode(t *testing.T) {
	page := manual(t)
	rules := Rules{ContentRunesMax: ContentRunesMaxDefault}
	for _, e := range append(writtenErrors(t), rules.ErrTooLong(), &Error{Code: CodeForbidden}) {
		told := false
		for line := range strings.Lines(page) {
			told = told || strings.HasPrefix(line, "| `"+string(e.Code)+"` |") && strings.Contains(line, e.Text)
		}
		if !told {
			t.Errorf("no row tells %s, %q", e.Code, e.Text)
		}
	}
	for _, c := range []CloseCode{
		CloseProtocolError, CloseUnsupported, CloseInvalidUTF8, CloseTooBig, CloseInternal, CloseRestart, CloseTryLater,
		CloseUnauthorized, CloseForbidden, CloseSlowConsumer,
	} {
		if !strings.Contains(page, "\n| "+strconv.Itoa(int(c))+" |") {
			t.Errorf("no row tells close code %d", c)
		}
	}
}

var (
	aCode   = regexp.MustCompile(`(?m)^\t(Code\w+) +Code = "(\w+)"`)
	anError = regexp.MustCompile(`(?m)^\tErr\w+ += &Error\{(Code\w+), "(.*)"\}$`)
)

// writtenErrors returns the errors that errors.go has, so that none can be forgotten.
func writtenErrors(t *testing.T) (all []*Error) {
	t.Helper()
	source, err := os.ReadFile("errors.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := make(map[string]Code)
	for _, m := range aCode.FindAllStringSubmatch(string(source), -1) {
		codes[m[1]] = Code(m[2])
	}
	for _, m := range anError.FindAllStringSubmatch(string(source), -1) {
		all = append(all, &Error{codes[m[1]], m[2]})
	}
	if len(all) != strings.Count(string(source), "= &Error{") || len(all) == 0 {
		t.Fatalf("%d errors were found", len(all))
	}
	return all
}

// The message that the manual shows is one that this package writes.
func TestManualShowsAMessageAsItIs(t *testing.T) {
	page := manual(t)
	_, example, found := strings.Cut(page, "### M, a message\n\n```json\n")
	example, _, ended := strings.Cut(example, "```")
	if !found || !ended {
		t.Fatal("there is no example")
	}
	var want bytes.Buffer
	if err := json.Compact(&want, []byte(example)); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC)
	got := AppendMessage(nil, &Message{
		ID:     uuid.MustParse("0199b3c5-7d0e-7c1a-8f43-3f4c9c1d2e5a"),
		RoomID: uuid.MustParse("6b1f2f57-9d61-4a0e-8a53-6b6cfb7f3b10"),
		Sender: User{
			ID:    uuid.MustParse("c2b1a0f4-52f4-4f1f-9d3c-6f1f5a9a7e21"),
			Email: "amina@example.com", Username: "amina", FirstName: "Amina", LastName: "Diallo",
		},
		Content: "We meet at the north gate",
		Type:    TypeText,
		ReplyTo: &Reply{
			ID:      uuid.MustParse("0199b3c1-11aa-7b1e-9c77-0d8f3c5b6a42"),
			Content: "Where do we meet?", SenderEmail: "jonas@example.com",
		},
		CreatedAt: at, UpdatedAt: at, Seq: 42, Rev: 42, ClientID: "a1",
	})
	if string(got) != want.String() {
		t.Errorf("\n got %s\nwant %s", got, want.String())
	}
}

// What a message may have, a row of the manual tells.
func TestManualTellsEveryMemberOfAMessage(t *testing.T) {
	page := manual(t)
	_, section, _ := strings.Cut(page, "### M, a message\n")
	section, _, _ = strings.Cut(section, "\n### ")
	var told strings.Builder // the example, and the first column of the table
	for line := range strings.Lines(section) {
		if row, ok := strings.CutPrefix(line, "| "); ok {
			line, _, _ = strings.Cut(row, " |")
		}
		told.WriteString(line)
	}
	mine := messageWithExtras()
	mine.WithExtra(func(e *Extra) { e.MyReactions = []string{"👍"} })
	for _, m := range []*Message{mine, tombstone()} {
		var members map[string]any
		if err := json.Unmarshal(AppendMessage(nil, m), &members); err != nil {
			t.Fatal(err)
		}
		for name := range members {
			if !strings.Contains(told.String(), `"`+name+`":`) && !strings.Contains(told.String(), "`"+name+"`") {
				t.Errorf("nothing tells %s", name)
			}
		}
	}
}

// longLinks makes links as long as they may become: a name of escapes behind a long address.
type longLinks struct{}

func (longLinks) AppendLink(dst []byte, a *Attachment, _ int64) []byte {
	return append(dst, strings.Repeat("a", 1024+3*len(a.Name))...)
}
func (longLinks) End() int64 { return 1 }

// What the manual says of the largest frame holds for one message that uses up every limit: a
// history that has to have one message at least is no larger than others.
func TestTheLargestMessageFitsIntoAHistory(t *testing.T) {
	t.Parallel()
	escaped := func(n int) string { return strings.Repeat("\x01", n) }
	emoji := make([]Reaction, EmojiMax)
	for i := range emoji {
		emoji[i] = Reaction{Emoji: strings.Repeat(`"`, EmojiBytesMax), Count: 1 << 30}
	}
	files := make([]Attachment, AttachmentsMax)
	for i := range files {
		files[i] = Attachment{Name: strings.Repeat(`"`, NameBytesMax), MIME: strings.Repeat("m", 127), Size: 1 << 50, Width: 1 << 30, Height: 1 << 30, Preview: true}
	}
	name := escaped(254) // as long as the application's columns take
	m := Message{
		Sender: User{Email: name, Username: name, FirstName: name, LastName: name}, Content: escaped(ContentRunesMaxDefault), Type: TypeFile,
		ReplyTo: &Reply{Content: escaped(ReplyRunesMax), SenderEmail: name}, ClientID: escaped(ClientIDRunesMax), Seq: 1 << 53, Rev: 1 << 53,
		Extra: &Extra{Reactions: emoji, ReplyCount: RepliesMax, Mentions: make([]uuid.UUID, MentionsMax), MentionsAll: true, Data: strings.Repeat("d", DataBytesMax),
			Attachments: files, Links: longLinks{}, MyReactions: []string{emoji[0].Emoji}},
	}
	size := len(AppendMessage(nil, &m))
	t.Logf("%d bytes", size)
	if size > HistoryBytesDefault-1024 {
		t.Errorf("a message may have %d bytes, and a frame is said to have at most %d", size, HistoryBytesDefault)
	}
}
