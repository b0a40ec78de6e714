package protocol

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

var (
	idA = uuid.MustParse("11111111-2222-4333-8444-5555555555aa")
	idB = uuid.MustParse("0189f7e5-0000-7000-8000-00000000000b")
	idC = uuid.MustParse("ffffffff-ffff-4fff-bfff-ffffffffffff")
)

func sampleMessage() Message {
	return Message{
		ID:     idA,
		RoomID: idB,
		Sender: User{ID: idC, Email: "ann@example.com", Username: "ann", FirstName: " Ann", LastName: ""},

		Content:   "Zoë said \"hi\"\n\\o/ \u2028😀",
		Type:      TypeText,
		CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC),
		UpdatedAt: time.Date(2026, 1, 2, 4, 4, 5, 7000, time.FixedZone("CET", 3600)),
		Seq:       7,
		Rev:       9,
	}
}

const sampleJSON = `{"id":"11111111-2222-4333-8444-5555555555aa","chat_room_id":"0189f7e5-0000-7000-8000-00000000000b",` +
	`"sender":{"id":"ffffffff-ffff-4fff-bfff-ffffffffffff","email":"ann@example.com","username":"ann","full_name":"Ann"},` +
	`"content":"Zoë said \"hi\"\n\\o/ ` + "\u2028" + `😀","message_type":"text","reply_to":null,"is_edited":false,` +
	`"created_at":"2026-01-02T03:04:05.123456Z","updated_at":"2026-01-02T03:04:05.000007Z","seq":7,"rev":9}`

func TestGoldenBytes(t *testing.T) {
	plain := sampleMessage()
	whole := sampleMessage()
	whole.Content, whole.Type, whole.IsEdited, whole.ClientID = "a", TypeFile, true, "c\x01"
	whole.ReplyTo = &Reply{ID: idB, Content: "was", SenderEmail: "bob@example.com"}
	whole.CreatedAt, whole.UpdatedAt = time.Unix(0, 0), time.Unix(1, 999_999_999)
	m, n := []byte(`{"n":1}`), []byte(`{"n":2}`)

	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"message": {AppendMessage(nil, &plain), sampleJSON},
		"message with everything": {AppendMessage(nil, &whole),
			`{"id":"11111111-2222-4333-8444-5555555555aa","chat_room_id":"0189f7e5-0000-7000-8000-00000000000b",` +
				`"sender":{"id":"ffffffff-ffff-4fff-bfff-ffffffffffff","email":"ann@example.com","username":"ann","full_name":"Ann"},` +
				`"content":"a","message_type":"file",` +
				`"reply_to":{"id":"0189f7e5-0000-7000-8000-00000000000b","content":"was","sender_email":"bob@example.com"},` +
				`"is_edited":true,"created_at":"1970-01-01T00:00:00.000000Z","updated_at":"1970-01-01T00:00:01.999999Z",` +
				`"seq":7,"rev":9,"client_id":"c\u0001"}`},
		"message with extras": {AppendMessage(nil, messageWithExtras()), strings.TrimSuffix(sampleJSON, "}") +
			`,"pinned_at":"2026-01-02T03:04:05.000006Z","pinned_by":"0189f7e5-0000-7000-8000-00000000000b",` +
			`"reactions":[{"emoji":"👍","count":2,"by":["11111111-2222-4333-8444-5555555555aa","ffffffff-ffff-4fff-bfff-ffffffffffff"]},{"emoji":"\"","count":9}],` +
			`"reply_count":3,"mentions":["ffffffff-ffff-4fff-bfff-ffffffffffff"],"mentions_all":true,"data":{"place":[1,"x y"]}}`},
		"files": {AppendMessage(nil, withFiles(fixedLinks{})), strings.Replace(strings.TrimSuffix(sampleJSON, "}"),
			`"content":"Zoë said \"hi\"\n\\o/ `+"\u2028"+`😀"`, `"content":"/a/b.png?e=1767323045","caption":"the sea"`, 1) +
			`,"attachments":[{"id":"11111111-2222-4333-8444-5555555555aa","name":"b.png","mime":"image/png","size":7,"url":"/a/b.png?e=1767323045",` +
			`"expires_at":"2026-01-02T03:04:05.000000Z","width":3,"height":4,"preview_url":"/a/b.png?e=1767323045&preview=1"},` +
			`{"id":"ffffffff-ffff-4fff-bfff-ffffffffffff","name":"\"c\"","mime":"application/pdf","size":1099511627776,` +
			`"url":"/a/\"c\"?e=1767323045","expires_at":"2026-01-02T03:04:05.000000Z"}]}`},
		"files without links": {AppendMessage(nil, withFiles(nil)), strings.Replace(strings.TrimSuffix(sampleJSON, "}"),
			`"content":"Zoë said \"hi\"\n\\o/ `+"\u2028"+`😀"`, `"content":"the sea","caption":"the sea"`, 1) +
			`,"attachments":[{"id":"11111111-2222-4333-8444-5555555555aa","name":"b.png","mime":"image/png","size":7,"width":3,"height":4},` +
			`{"id":"ffffffff-ffff-4fff-bfff-ffffffffffff","name":"\"c\"","mime":"application/pdf","size":1099511627776}]}`},
		"tombstone": {AppendMessage(nil, tombstone()), strings.Replace(strings.TrimSuffix(sampleJSON, "}"),
			`"content":"Zoë said \"hi\"\n\\o/ `+"\u2028"+`😀"`, `"content":""`, 1) +
			`,"deleted_at":"2026-01-02T03:04:05.000006Z","deleted_by":"moderator","reply_count":3}`},
		"event":           {AppendEvent(nil, KindMessage, m, 5, 4, Live), `{"type":"chat_message","message":{"n":1},"seq":5}`},
		"edit":            {AppendEvent(nil, KindEdit, m, 5, 4, Live), `{"type":"message_edited","change":"content","message":{"n":1},"seq":5}`},
		"event after gap": {AppendEvent(nil, KindEdit, m, 5, 2, CaughtUp), `{"type":"message_edited","message":{"n":1},"seq":5,"prev":2}`},
		"duplicate":       {AppendEvent(nil, KindMessage, m, 5, 4, Duplicate), `{"type":"chat_message","message":{"n":1},"seq":5,"duplicate":true}`},
		"history":         {AppendHistory(nil, ofRoom, [][]byte{m, n}, 2), `{"type":"message_history","chat_room_id":"11111111-2222-4333-8444-5555555555aa","trip_id":"0189f7e5-0000-7000-8000-00000000000b","messages":[{"n":1},{"n":2}],"seq":2}`},
		"empty history":   {AppendHistory(nil, ofRoom, nil, 0), `{"type":"message_history","chat_room_id":"11111111-2222-4333-8444-5555555555aa","trip_id":"0189f7e5-0000-7000-8000-00000000000b","messages":[],"seq":0}`},
		"resume": {AppendResume(nil, ofRoom, 3, [][]byte{m}, 4, true),
			`{"type":"message_history","chat_room_id":"11111111-2222-4333-8444-5555555555aa","trip_id":"0189f7e5-0000-7000-8000-00000000000b","since":3,"messages":[{"n":1}],"seq":4,"has_more":true}`},
		"typing": {AppendNotice(nil, idA, &plain.Sender, &Intent{Kind: KindTyping, On: true}),
			`{"type":"typing","chat_room_id":"11111111-2222-4333-8444-5555555555aa","user_id":"ffffffff-ffff-4fff-bfff-ffffffffffff","user_email":"ann@example.com","is_typing":true}`},
		"own": {AppendOwn(nil, &Own{Room: idA, Role: `tour "guide"`, May: MaySend | MayPin, ReadSeq: 7}),
			`{"type":"own","v":2,"chat_room_id":"11111111-2222-4333-8444-5555555555aa","role":"tour \"guide\"",` +
				`"permissions":["send","pin"],"read_seq":7,"muted_until":null,"reactions":{}}`},
		"own without a role": {AppendOwn(nil, &Own{Room: idA}),
			`{"type":"own","v":2,"chat_room_id":"11111111-2222-4333-8444-5555555555aa","role":"",` +
				`"permissions":[],"read_seq":0,"muted_until":null,"reactions":{}}`},
		"own of a changed role": {AppendOwnRole(nil, idA, "owner", MayAll),
			`{"type":"own","chat_room_id":"11111111-2222-4333-8444-5555555555aa","role":"owner",` +
				`"permissions":["send","edit","delete","react","pin","upload","mention_all","moderate"]}`},
		"ack":  {AppendAck(nil, idA, `c"9`), `{"type":"ack","chat_room_id":"11111111-2222-4333-8444-5555555555aa","client_id":"c\"9"}`},
		"pong": {Pong, `{"type":"pong"}`},
		"error": {AppendError(nil, ErrEmptyContent, ""),
			`{"type":"error","message":"Message content cannot be empty","code":"empty_content"}`},
		"error with client_id": {AppendError(nil, ErrRateLimited, `a"b`),
			`{"type":"error","message":"Too many messages; slow down","code":"rate_limited","client_id":"a\"b"}`},
		"REST error": {AppendRESTError(nil, "No such room", CodeNotFound), `{"detail":"No such room","code":"not_found"}`},
		"page": {AppendMessagePage(nil, [][]byte{m, n}, "https://h/?a=1&b=2", "", 1),
			`{"results":[{"n":1},{"n":2}],"next":"https://h/?a=1&b=2","previous":null}`},
		"page of a room that has lost its beginning": {AppendMessagePage(nil, [][]byte{m}, "", "", 900), `{"results":[{"n":1}],"next":null,"previous":null,"first_seq":900}`},
		"resume page":                {AppendResumePage(nil, nil, 8, false, 1), `{"results":[],"seq":8,"has_more":false}`},
		"resume page of such a room": {AppendResumePage(nil, nil, 8, true, 2), `{"results":[],"first_seq":2,"seq":8,"has_more":true}`},
		"rooms": {AppendList(nil, [][]byte{
			AppendRoom(nil, &RoomEntry{ID: idA, TripID: idB, Title: "Trip\t1", RoomSettings: RoomSettings{FirstSeq: 1}}), AppendRoom(nil, &RoomEntry{ID: idB, TripID: idC, LastSeq: 3, Last: &plain, ReadSeq: 2, Unread: 1, Mentions: 100, RoomSettings: RoomSettings{2, 10}, Role: "owner"}),
		}, "/n"),
			`{"results":[{"id":"11111111-2222-4333-8444-5555555555aa","trip_id":"0189f7e5-0000-7000-8000-00000000000b",` +
				`"title":"Trip\t1","last_seq":0,"last_message":null,"read_seq":0,"unread":0,"mentions":0,"first_seq":1,"role":""},{"id":"0189f7e5-0000-7000-8000-00000000000b",` +
				`"trip_id":"ffffffff-ffff-4fff-bfff-ffffffffffff","title":"","last_seq":3,"last_message":` + string(AppendMessage(nil, &plain)) + `,"read_seq":2,"unread":1,"mentions":100,"first_seq":2,"role":"owner","slow_mode":10}],"next":"/n"}`},
		"reads":    {AppendReads(nil, idA, []ReadMark{{User: idB, Seq: 4}, {User: idA, Seq: 5}}), `{"type":"reads","chat_room_id":"` + idA.String() + `","reads":[{"user_id":"` + idB.String() + `","seq":4},{"user_id":"` + idA.String() + `","seq":5}]}`},
		"no reads": {AppendReads(nil, idA, nil), `{"type":"reads","chat_room_id":"` + idA.String() + `","reads":[]}`},
		"own read": {AppendOwnRead(nil, idA, 43), `{"type":"own","chat_room_id":"` + idA.String() + `","read_seq":43}`},
		"readers":  {AppendReaders(nil, 2, []User{plain.Sender}, "/n"), `{"count":2,"results":[` + string(appendSender(nil, &plain.Sender)) + `],"next":"/n"}`},
		"nobody":   {AppendReaders(nil, 0, nil, ""), `{"count":0,"results":[],"next":null}`},
		"reading":  {AppendReading(nil, 42, 3, 2), `{"read_seq":42,"unread":3,"mentions":2}`},
		"read marks": {AppendReadMarks(nil, []ReadMark{{User: idA, Seq: 4, At: time.Unix(1, 999_999_999)}, {User: idB, Seq: 5, At: time.Unix(0, 0)}}, "/n"),
			`{"results":[{"user_id":"11111111-2222-4333-8444-5555555555aa","read_seq":4,"updated_at":"1970-01-01T00:00:01.999999Z"},` +
				`{"user_id":"0189f7e5-0000-7000-8000-00000000000b","read_seq":5,"updated_at":"1970-01-01T00:00:00.000000Z"}],"next":"/n"}`},
		"no read marks": {AppendReadMarks(nil, nil, ""), `{"results":[],"next":null}`},
		"no rooms":      {AppendList(nil, nil, ""), `{"results":[],"next":null}`},
	} {
		if string(c.got) != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, c.got, c.want)
		}
		if !json.Valid(c.got) {
			t.Errorf("%s is no JSON: %s", name, c.got)
		}
	}
}

func messageWithExtras() *Message {
	m := sampleMessage()
	m.Extra = &Extra{
		PinnedAt: time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC), PinnedBy: idB,
		Reactions:  []Reaction{{Emoji: "👍", Count: 2, By: []uuid.UUID{idA, idC}}, {Emoji: `"`, Count: 9}},
		ReplyCount: 3, Mentions: []uuid.UUID{idC}, MentionsAll: true, Data: `{"place":[1,"x y"]}`,
	}
	return &m
}

func tombstone() *Message {
	m := messageWithExtras()
	m.Content = ""
	m.WithExtra(func(e *Extra) {
		e.DeletedAt, e.DeletedBy = e.PinnedAt, DeletedByModerator
		*e = e.Tombstone()
	})
	return m
}

// fixedLinks are links that say what they are of. A real one's need no escapes.
type fixedLinks struct{}

func (fixedLinks) End() int64 { return 1767323045 }

func (fixedLinks) AppendLink(dst []byte, a *Attachment, end int64) []byte {
	return fmt.Appendf(dst, "/a/%s?e=%d", strings.ReplaceAll(a.Name, `"`, `\"`), end)
}

func withFiles(links Links) *Message {
	m := sampleMessage()
	m.Content = "the sea"
	m.Extra = &Extra{Links: links, Attachments: []Attachment{
		{ID: idA, Name: "b.png", MIME: "image/png", Size: 7, Width: 3, Height: 4, Preview: true},
		{ID: idC, Name: `"c"`, MIME: "application/pdf", Size: 1 << 40},
	}}
	return &m
}

// ofRoom is the room of the histories above.
var ofRoom = RoomInfo{Room: idA, Trip: idB}

func TestEncodersAppend(t *testing.T) {
	m := sampleMessage()
	for name, got := range map[string][]byte{
		"message": AppendMessage([]byte("x"), &m),
		"event":   AppendEvent([]byte("x"), KindMessage, nil, 1, 0, Live),
		"history": AppendHistory([]byte("x"), RoomInfo{}, nil, 1),
		"error":   AppendError([]byte("x"), ErrInternal, ""),
		"rooms":   AppendList([]byte("x"), nil, ""),
	} {
		if len(got) < 3 || string(got[:2]) != "x{" {
			t.Errorf("%s does not append: %s", name, got)
		}
	}
}

// TestAnEventIsTheSameWhereItsMessageIsMadeInPlace compares both ways to make one.
func TestAnEventIsTheSameWhereItsMessageIsMadeInPlace(t *testing.T) {
	plain := sampleMessage()
	edited := plain
	edited.UpdatedAt = plain.CreatedAt.Add(time.Hour)
	for _, m := range []*Message{&plain, &edited, messageWithExtras()} {
		for _, k := range []Kind{KindMessage, KindEdit, KindPin} {
			for _, how := range []Telling{Live, CaughtUp, Duplicate} {
				body := AppendMessage(nil, m)
				want := AppendEvent([]byte("before"), k, body, 9, 7, how)
				got, begin, end := AppendEventOf([]byte("before"), k, m, 9, 7, how)
				if string(got) != string(want) || string(got[begin:end]) != string(body) {
					t.Errorf("%v, %v:\n%s, of which %s, want\n%s, of which %s", k, how, got, got[begin:end], want, body)
				}
			}
		}
	}
}

func TestEncodersDoNotAllocate(t *testing.T) {
	m := sampleMessage()
	m.ReplyTo, m.ClientID = &Reply{ID: idB, Content: "was"}, "c1"
	extras := messageWithExtras()
	body := AppendMessage(nil, &m)
	bodies := [][]byte{body, body}
	dst := make([]byte, 0, 4096)
	for name, encode := range map[string]func(){
		"message": func() { AppendMessage(dst, &m) },
		"extras":  func() { AppendMessage(dst, extras) },
		"event":   func() { AppendEvent(dst, KindMessage, body, 9, 7, Duplicate) },
		"of":      func() { AppendEventOf(dst, KindMessage, &m, 9, 7, Duplicate) },
		"history": func() { AppendHistory(dst, RoomInfo{}, bodies, 9) },
		"typing":  func() { AppendNotice(dst, idA, &m.Sender, &Intent{Kind: KindTyping, On: true}) },
		"error":   func() { AppendError(dst, ErrTypingField, "c1") },
	} {
		if n := testing.AllocsPerRun(100, encode); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestQuotedIsTheMessageThatIsAnsweredAndNoTextThatSaysSo(t *testing.T) {
	m := sampleMessage()
	m.Content = `,"reply_to":{"id":"` + idC.String() + `","content":""}`
	m.ReplyTo = nil
	if got := Quoted(AppendMessage(nil, &m)); got != uuid.Nil {
		t.Errorf("a message that answers none: %v", got)
	}
	m.Extra = &Extra{Data: `{"a":1,"reply_to":{"id":"` + idC.String() + `"}}`}
	if got := Quoted(AppendMessage(nil, &m)); got != uuid.Nil {
		t.Errorf("a message that answers none, with data: %v", got)
	}
	m.ReplyTo = &Reply{ID: idB, Content: m.Content, SenderEmail: m.Content}
	body := AppendMessage(nil, &m)
	if got := Quoted(body); got != idB {
		t.Errorf("got %v, want %v", got, idB)
	}
	for cut := range body {
		Quoted(body[:cut])
	}
}
