package protocol

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/uuid"
)

var (
	rulesOf10  = Rules{ContentRunesMax: 10}
	errTooLong = &Error{CodeTooLong, "Message is too long (max 10 characters)"}
	key64      = strings.Repeat("é", 64)
)

// frameCases are frames of clients and what becomes of them under rulesOf10.
var frameCases = []struct {
	text    string
	want    Intent
	refused *Error
}{
	// Messages.
	{text: `{"type":"chat_message","content":"hi"}`, want: Intent{Kind: KindMessage, Content: "hi", Type: TypeText}},
	{text: `{"type":"chat_message","content":" \t\u00a0\u3000\u001chi\nyou\u001f\u2028\u0085 "}`, want: Intent{Kind: KindMessage, Content: "hi\nyou", Type: TypeText}},
	{text: `{"type":"chat_message","content":"` + "\u200bx\ufeff" + `"}`, want: Intent{Kind: KindMessage, Content: "\u200bx\ufeff", Type: TypeText}},
	{text: `{"type":"chat_message","content":"😀😀😀😀😀😀😀😀😀😀"}`, want: Intent{Kind: KindMessage, Content: "😀😀😀😀😀😀😀😀😀😀", Type: TypeText}},
	{text: `{"type":"chat_message","content":"  0123456789  "}`, want: Intent{Kind: KindMessage, Content: "0123456789", Type: TypeText}},
	{text: `{"type":"chat_message","content":"\ud800"}`, want: Intent{Kind: KindMessage, Content: "\uFFFD", Type: TypeText}},
	{text: `{"type":"chat_message","content":"a","message_type":"file","reply_to":"` + idA.String() + `","client_id":"c1","more":[{}]}`,
		want: Intent{Kind: KindMessage, Content: "a", Type: TypeFile, ReplyTo: idA, ClientID: "c1"}},
	{text: `{"type":"chat_message","content":"a","message_type":null,"reply_to":null,"client_id":null}`, want: Intent{Kind: KindMessage, Content: "a", Type: TypeText}},
	{text: `{"content":"a","content":"b","type":"x","type":"chat_message"}`, want: Intent{Kind: KindMessage, Content: "b", Type: TypeText}},
	{text: `{"type":"chat_message","content":"a","client_id":"` + key64 + `"}`, want: Intent{Kind: KindMessage, Content: "a", Type: TypeText, ClientID: key64}},
	{text: `{"type":"chat_message","content":"a","message_id":5,"is_typing":"x"}`, want: Intent{Kind: KindMessage, Content: "a", Type: TypeText}},

	{text: `{"type":"chat_message"}`, refused: ErrEmptyContent},
	{text: `{"type":"chat_message","content":null,"client_id":"c"}`, want: Intent{ClientID: "c"}, refused: ErrEmptyContent},
	{text: `{"type":"chat_message","content":""}`, refused: ErrEmptyContent},
	{text: `{"type":"chat_message","content":" \n\u2003 "}`, refused: ErrEmptyContent},
	{text: `{"type":"chat_message","Content":"a"}`, refused: ErrEmptyContent},
	{text: `{"type":"chat_message","content":5}`, refused: ErrContentField},
	{text: `{"type":"chat_message","content":["a"]}`, refused: ErrContentField},
	{text: `{"type":"chat_message","content":"01234567890","client_id":"c"}`, want: Intent{ClientID: "c"}, refused: errTooLong},
	{text: `{"type":"chat_message","content":"\u00e90123456789"}`, refused: errTooLong},
	{text: `{"type":"chat_message","content":"a\u0000b","client_id":"c"}`, want: Intent{ClientID: "c"}, refused: ErrInvalidContent},
	{text: `{"type":"chat_message","content":"\u0000"}`, refused: ErrInvalidContent},
	{text: `{"type":"chat_message","content":"a","message_type":"system","client_id":"c"}`, want: Intent{ClientID: "c"}, refused: ErrInvalidType},
	{text: `{"type":"chat_message","content":"a","message_type":"Text"}`, refused: ErrInvalidType},
	{text: `{"type":"chat_message","content":"a","message_type":""}`, refused: ErrInvalidType},
	{text: `{"type":"chat_message","content":"a","message_type":1}`, refused: ErrInvalidType},
	{text: `{"type":"chat_message","content":"a","reply_to":"x"}`, refused: ErrInvalidReply},
	{text: `{"type":"chat_message","content":"a","reply_to":""}`, refused: ErrInvalidReply},
	{text: `{"type":"chat_message","content":"a","reply_to":false}`, refused: ErrInvalidReply},
	{text: `{"type":"chat_message","content":"a","reply_to":"` + uuid.Nil.String() + `"}`, refused: ErrInvalidReply},
	{text: `{"type":"chat_message","content":"a","client_id":""}`, refused: ErrInvalidClient},
	{text: `{"type":"chat_message","content":"a","client_id":7}`, refused: ErrInvalidClient},
	{text: `{"type":"chat_message","content":"a","client_id":"` + key64 + `é"}`, refused: ErrInvalidClient},
	{text: `{"type":"chat_message","content":"a","client_id":"a\u0000"}`, refused: ErrInvalidClient},

	// Edits.
	{text: `{"type":"edit_message","message_id":"` + strings.ToUpper(idA.String()) + `","content":" b "}`, want: Intent{Kind: KindEdit, MessageID: idA, Content: "b"}},
	{text: `{"type":"edit_message","message_id":"` + strings.ReplaceAll(idA.String(), "-", "") + `","content":"b","client_id":"e","message_type":"system"}`,
		want: Intent{Kind: KindEdit, MessageID: idA, Content: "b", ClientID: "e"}},
	{text: `{"type":"edit_message","content":"b"}`, refused: ErrMissingID},
	{text: `{"type":"edit_message","message_id":null,"content":"b"}`, refused: ErrMissingID},
	{text: `{"type":"edit_message","message_id":"","content":""}`, refused: ErrMissingID},
	{text: `{"type":"edit_message","message_id":"no","content":"b","client_id":"e"}`, want: Intent{ClientID: "e"}, refused: ErrNotFound},
	{text: `{"type":"edit_message","message_id":12,"content":"b"}`, refused: ErrNotFound},
	{text: `{"type":"edit_message","message_id":"` + idA.String() + `","content":" "}`, want: Intent{Kind: KindEdit, MessageID: idA}},
	{text: `{"type":"edit_message","message_id":"` + idA.String() + `","content":null}`, refused: ErrEmptyContent},
	{text: `{"type":"edit_message","message_id":"` + idA.String() + `"}`, refused: ErrEmptyContent},
	{text: `{"type":"edit_message","message_id":"` + idA.String() + `","content":"01234567890"}`, refused: errTooLong},
	{text: `{"type":"edit_message","message_id":"` + idA.String() + `","content":"\u0000"}`, refused: ErrInvalidContent},
	{text: `{"type":"edit_message","message_id":"` + idA.String() + `","content":{}}`, refused: ErrContentField},

	// Deletes.
	{text: `{"type":"delete_message","message_id":"` + idA.String() + `","client_id":"c1","content":5,"on":false}`, want: Intent{Kind: KindDelete, MessageID: idA, ClientID: "c1"}},
	{text: `{"type":"delete_message"}`, refused: ErrMissingID},
	{text: `{"type":"delete_message","message_id":null,"client_id":"c"}`, want: Intent{ClientID: "c"}, refused: ErrMissingID},
	{text: `{"type":"delete_message","message_id":""}`, refused: ErrMissingID},
	{text: `{"type":"delete_message","message_id":"no"}`, refused: ErrNotFound},
	{text: `{"type":"delete_message","message_id":["` + idA.String() + `"]}`, refused: ErrNotFound},
	{text: `{"type":"delete_message","message_id":"` + idA.String() + `","client_id":""}`, refused: ErrInvalidClient},

	// Pins.
	{text: `{"type":"pin_message","message_id":"` + idA.String() + `","on":true,"client_id":"c3"}`, want: Intent{Kind: KindPin, MessageID: idA, On: true, ClientID: "c3"}},
	{text: `{"type":"pin_message","message_id":"` + idA.String() + `","on":false}`, want: Intent{Kind: KindPin, MessageID: idA}},
	{text: `{"type":"pin_message","message_id":"` + idA.String() + `"}`, refused: ErrOnField},
	{text: `{"type":"pin_message","message_id":"` + idA.String() + `","on":null}`, refused: ErrOnField},
	{text: `{"type":"pin_message","message_id":"` + idA.String() + `","on":1}`, refused: ErrOnField},
	{text: `{"type":"pin_message","message_id":"` + idA.String() + `","on":"true","client_id":"c"}`, want: Intent{ClientID: "c"}, refused: ErrOnField},
	{text: `{"type":"pin_message","on":true}`, refused: ErrMissingID},
	{text: `{"type":"pin_message","on":1}`, refused: ErrMissingID},
	{text: `{"type":"pin_message","message_id":"no","on":true}`, refused: ErrNotFound},

	// Reactions.
	{text: `{"type":"react","message_id":"` + idA.String() + `","emoji":"👍","on":true,"client_id":"c2"}`, want: Intent{Kind: KindReact, MessageID: idA, Emoji: "👍", On: true, ClientID: "c2"}},
	{text: `{"type":"react","message_id":"` + idA.String() + `","emoji":"\u2764\ufe0f","on":false}`, want: Intent{Kind: KindReact, MessageID: idA, Emoji: "❤\ufe0f"}},
	{text: `{"type":"react","emoji":1,"on":1}`, refused: ErrMissingID},
	{text: `{"type":"react","message_id":"no","emoji":1}`, refused: ErrNotFound},
	{text: `{"type":"react","message_id":"` + idA.String() + `","emoji":1,"on":1}`, refused: ErrEmojiField},
	{text: `{"type":"react","message_id":"` + idA.String() + `","on":1}`, refused: ErrInvalidEmoji},
	{text: `{"type":"react","message_id":"` + idA.String() + `","emoji":null,"on":true}`, refused: ErrInvalidEmoji},
	{text: `{"type":"react","message_id":"` + idA.String() + `","emoji":"a b","on":1,"client_id":"c"}`, want: Intent{ClientID: "c"}, refused: ErrInvalidEmoji},
	{text: `{"type":"react","message_id":"` + idA.String() + `","emoji":"a"}`, refused: ErrOnField},
	{text: `{"type":"react","message_id":"` + idA.String() + `","emoji":"a","on":null}`, refused: ErrOnField},

	// What most messages do not have, and of which nothing is nothing.
	{text: `{"type":"chat_message","content":"a","attachments":[],"client_id":"c"}`, want: Intent{Kind: KindMessage, Content: "a", Type: TypeText, ClientID: "c"}},
	{text: `{"type":"chat_message","attachments":[]}`, refused: ErrEmptyContent},
	{text: `{"type":"chat_message","content":{},"attachments":["` + idA.String() + `"]}`, refused: ErrContentField},
	{text: `{"type":"chat_message","content":"a","attachments":{}}`, refused: ErrAttachmentsField},
	{text: `{"type":"chat_message","content":"a","attachments":"` + idA.String() + `"}`, refused: ErrAttachmentsField},
	{text: `{"type":"chat_message","content":"a","attachments":[7]}`, refused: ErrInvalidAttachment},
	{text: `{"type":"chat_message","content":"a","attachments":["x"]}`, refused: ErrInvalidAttachment},
	{text: `{"type":"chat_message","content":"a","attachments":[` + strings.Repeat(`"`+idA.String()+`",`, 10) + `"` + idA.String() + `"]}`, refused: ErrInvalidAttachment},
	{text: `{"type":"chat_message","content":"a","mentions":null,"mentions_all":null,"data":null}`, want: Intent{Kind: KindMessage, Content: "a", Type: TypeText}},
	{text: `{"type":"chat_message","content":"a","mentions":[],"mentions_all":false}`, want: Intent{Kind: KindMessage, Content: "a", Type: TypeText}},
	{text: `{"type":"chat_message","content":"a","mentions":"` + idA.String() + `"}`, refused: ErrMentionsField},
	{text: `{"type":"chat_message","content":"a","mentions":{}}`, refused: ErrMentionsField},
	{text: `{"type":"chat_message","content":"a","mentions":true}`, refused: ErrMentionsField},
	{text: `{"type":"chat_message","content":"a","mentions":[1]}`, refused: ErrInvalidMention},
	{text: `{"type":"chat_message","content":"a","mentions":[null]}`, refused: ErrInvalidMention},
	{text: `{"type":"chat_message","content":"a","mentions":[["` + idA.String() + `"]]}`, refused: ErrInvalidMention},
	{text: `{"type":"chat_message","content":"a","mentions":["` + idA.String() + `","ann"]}`, refused: ErrInvalidMention},
	{text: `{"type":"chat_message","content":"a","mentions":["` + uuid.Nil.String() + `"]}`, refused: ErrInvalidMention},
	{text: `{"type":"chat_message","content":"a","mentions":[` + manyIDs(21) + `],"client_id":"c"}`, want: Intent{ClientID: "c"}, refused: ErrInvalidMention},
	{text: `{"type":"chat_message","content":"a","mentions_all":1}`, refused: ErrMentionsAllField},
	{text: `{"type":"chat_message","content":"a","mentions_all":"true"}`, refused: ErrMentionsAllField},
	{text: `{"type":"chat_message","content":"a","data":[]}`, refused: ErrInvalidData},
	{text: `{"type":"chat_message","content":"a","data":"{}"}`, refused: ErrInvalidData},
	{text: `{"type":"chat_message","content":"a","data":7}`, refused: ErrInvalidData},
	{text: `{"type":"chat_message","content":"a","data":true,"client_id":"c"}`, want: Intent{ClientID: "c"}, refused: ErrInvalidData},
	{text: `{"type":"chat_message","content":"a","mentions":5,"mentions_all":5,"data":5}`, refused: ErrMentionsField},
	{text: `{"type":"chat_message","content":"a","mentions_all":5,"data":5}`, refused: ErrMentionsAllField},
	{text: `{"type":"chat_message","content":"a","reply_to":5,"data":5}`, refused: ErrInvalidReply},
	{text: `{"type":"edit_message","message_id":"` + idA.String() + `","content":"b","mentions":5,"data":5}`, want: Intent{Kind: KindEdit, MessageID: idA, Content: "b"}},

	// Typing and ping.
	{text: `{"type":"typing","is_typing":true}`, want: Intent{Kind: KindTyping, On: true}},
	{text: `{"type":"typing","is_typing":false}`, want: Intent{Kind: KindTyping}},
	{text: `{"type":"typing","is_typing":null}`, want: Intent{Kind: KindTyping}},
	{text: `{"type":"typing"}`, want: Intent{Kind: KindTyping}},
	{text: `{"type":"typing","is_typing":"true","client_id":"t"}`, want: Intent{ClientID: "t"}, refused: ErrTypingField},
	{text: `{"type":"typing","is_typing":1}`, refused: ErrTypingField},
	{text: `{"type":"ping"}`, want: Intent{Kind: KindPing}},
	{text: ` {"type":"ping","client_id":"p"} `, want: Intent{Kind: KindPing, ClientID: "p"}},
	{text: `{"type":"ping","client_id":[]}`, refused: ErrInvalidClient},

	// Read marks.
	{text: `{"type":"watch","presence":true,"reads":true,"client_id":"c4"}`, want: Intent{Kind: KindWatch, Presence: true, Reads: true, ClientID: "c4"}},
	{text: `{"type":"watch"}`, want: Intent{Kind: KindWatch}},
	{text: `{"type":"watch","presence":null,"reads":false}`, want: Intent{Kind: KindWatch}},
	{text: `{"type":"watch","reads":false,"re\u0061ds":true}`, want: Intent{Kind: KindWatch, Reads: true}},
	{text: `{"type":"watch","reads":1}`, refused: ErrWatchField},
	{text: `{"type":"watch","reads":"true","client_id":"c"}`, want: Intent{ClientID: "c"}, refused: ErrWatchField},
	{text: `{"type":"watch","presence":[true],"reads":true}`, refused: ErrWatchField},
	{text: `{"type":"watch","presence":{},"reads":true}`, refused: ErrWatchField},
	{text: `{"type":"mark_read","seq":42,"client_id":"c4"}`, want: Intent{Kind: KindRead, UpTo: 42, ClientID: "c4"}},
	{text: `{"type":"mark_read","seq":0}`, want: Intent{Kind: KindRead}},
	{text: `{"type":"mark_read","seq":99999999999999999999999}`, want: Intent{Kind: KindRead, UpTo: math.MaxInt64}},
	{text: `{"type":"mark_read","seq":1,"seq":2}`, want: Intent{Kind: KindRead, UpTo: 2}},
	{text: `{"type":"mark_read"}`, refused: ErrInvalidSeq},
	{text: `{"type":"mark_read","seq":null}`, refused: ErrInvalidSeq},
	{text: `{"type":"mark_read","seq":-1,"client_id":"c"}`, want: Intent{ClientID: "c"}, refused: ErrInvalidSeq},
	{text: `{"type":"mark_read","seq":-0}`, refused: ErrInvalidSeq},
	{text: `{"type":"mark_read","seq":1.5}`, refused: ErrInvalidSeq},
	{text: `{"type":"mark_read","seq":1e3}`, refused: ErrInvalidSeq},
	{text: `{"type":"mark_read","seq":"42"}`, refused: ErrSeqField},
	{text: `{"type":"mark_read","seq":""}`, refused: ErrSeqField},
	{text: `{"type":"mark_read","seq":true}`, refused: ErrSeqField},
	{text: `{"type":"mark_read","seq":[1]}`, refused: ErrSeqField},
	{text: `{"type":"mark_read","seq":{}}`, refused: ErrSeqField},
	{text: `{"type":"mark_read","seq":01}`, refused: ErrInvalidJSON},
	{text: `{"type":"mark_read","seq":1,"client_id":""}`, refused: ErrInvalidClient},

	// What is no frame.
	{text: ``, refused: ErrInvalidJSON},
	{text: `hello`, refused: ErrInvalidJSON},
	{text: `[]`, refused: ErrInvalidJSON},
	{text: `"ping"`, refused: ErrInvalidJSON},
	{text: `null`, refused: ErrInvalidJSON},
	{text: `{"type":"ping"}{}`, refused: ErrInvalidJSON},
	{text: `{"type":"ping"`, refused: ErrInvalidJSON},
	{text: "{\"type\":\"ping\",\"x\":\"\xff\"}", refused: ErrInvalidJSON},
	{text: `{}`, refused: ErrUnknownType},
	{text: `{"type":null}`, refused: ErrUnknownType},
	{text: `{"type":1}`, refused: ErrUnknownType},
	{text: `{"type":["ping"]}`, refused: ErrUnknownType},
	{text: `{"type":"Ping"}`, refused: ErrUnknownType},
	{text: `{"type":"message_edited","client_id":"u"}`, want: Intent{ClientID: "u"}, refused: ErrUnknownType},
	{text: `{"type":"x","client_id":""}`, refused: ErrUnknownType},
}

// manyIDs are so many ids as a part of a JSON array.
func manyIDs(n int) string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf(`"00000000-0000-4000-8000-%012d"`, i+1)
	}
	return strings.Join(ids, ",")
}

// TestWhatAMessageMayHaveBesides: an Extra is another one each time, so it is compared apart.
func TestWhatAMessageMayHaveBesides(t *testing.T) {
	twenty := make([]uuid.UUID, 20)
	for i := range twenty {
		twenty[i] = uuid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", i+1))
	}
	long := strings.Repeat("x", DataBytesMax-len(`{"a":""}`))
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}` }
	for fields, want := range map[string]*Extra{
		`"mentions":["` + strings.ToUpper(idA.String()) + `","` + idB.String() + `"]`:        {Mentions: []uuid.UUID{idA, idB}},
		`"mentions":["` + idA.String() + `","` + idA.String() + `"]`:                         {Mentions: []uuid.UUID{idA}},
		`"mentions":[` + manyIDs(20) + `,` + manyIDs(20) + `]`:                               {Mentions: twenty},
		`"mentions":[],"mentions_all":true`:                                                  {MentionsAll: true},
		`"data":{}`:                                                                          {Data: `{}`},
		`"data":{ "a" : [ 1 , 2.50 , -1e3 , true , null ] , "b c" : { "d" : " \" \\ { " } }`: {Data: `{"a":[1,2.50,-1e3,true,null],"b c":{"d":" \" \\ { "}}`},
		`"data":{"a":"\ud83d\ude00 \u00e9 \\u0000 \\ud800"}`:                                 {Data: `{"a":"\ud83d\ude00 \u00e9 \\u0000 \\ud800"}`},
		`"data":{"a":"` + long + `"}`:                                                        {Data: `{"a":"` + long + `"}`},
		`"data":  {"a":"` + long + `"   }`:                                                   {Data: `{"a":"` + long + `"}`},
		`"data":{"a":1e4000}`:                                                                {Data: `{"a":1e4000}`},
		`"data":` + deep(DataDepthMax):                                                       {Data: deep(DataDepthMax)},
	} {
		var in Intent
		refused := decodeIntent([]byte(`{"type":"chat_message","content":"a",`+fields+`}`), &in, &rulesOf10)
		if refused != nil || in.Extra == nil || !in.Extra.Equal(want) {
			t.Errorf("%.100s: %+v, %v", fields, in.Extra, refused)
			continue
		}
		if !StorableData(in.Extra.Data) {
			t.Errorf("%.100s cannot be stored", in.Extra.Data)
		}
	}
	for _, data := range []string{
		`{"a":"` + long + `x"}`, `{"a":"\u0000"}`, `{"\u0000":1}`, `{"a":"\ud83d"}`, `{"a":"\ude00\ud83d"}`, `{"a":"\ud83dx"}`, `{"\ud83d\u0041":1}`, `{"a":["\ud800"]}`,
		`{"a":1e4096}`, `{"a":1e99999999999}`, `{"a":-1E-4097}`, `{"a":[` + strings.Repeat("1e900,", 4) + `1e900]}`, deep(DataDepthMax + 1), `[]`, `[{}]`, `""`, `0`, `false`,
	} {
		var in Intent
		if refused := decodeIntent([]byte(`{"type":"chat_message","content":"a","data":`+data+`}`), &in, &rulesOf10); refused != ErrInvalidData {
			t.Errorf("%.100s: %+v, %v", data, in.Extra, refused)
		}
		if StorableData(data) {
			t.Errorf("%.100s can be stored", data)
		}
	}
	for _, data := range []string{`{`, `{"a":1} x`, "{\"a\":\"\x00\"}", "{\"a\":\"\xff\"}", `x`} {
		if StorableData(data) {
			t.Errorf("%q can be stored", data)
		}
	}
}

func TestDecodeFrame(t *testing.T) {
	for _, c := range frameCases {
		got := Intent{Kind: KindEdit, Content: "old", ClientID: "old", Type: TypeFile, ReplyTo: idC, MessageID: idC, On: true, UpTo: 7}
		refused := decodeIntent([]byte(c.text), &got, &rulesOf10)
		if !sameRefusal(refused, c.refused) {
			t.Errorf("%s: got %v, want %v", c.text, refused, c.refused)
		}
		if c.refused != nil {
			got = Intent{ClientID: got.ClientID} // the rest is not promised
		}
		if got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.text, got, c.want)
		}
	}
}

// decodeIntent decodes what a frame wants of a room.
func decodeIntent(p []byte, in *Intent, r *Rules) *Error {
	f := Frame{Intent: *in, Place: Place{Named: true, ID: idC, Given: "old"}, Rooms: []RoomAsked{{}}, Token: "old"}
	refused := DecodeFrame(p, &f, r)
	*in = f.Intent
	return refused
}

func sameRefusal(a, b *Error) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// The texts that clients of the service that Caravan replaces show.
func TestErrorTextsAreThoseThatClientsKnow(t *testing.T) {
	rules := Rules{ContentRunesMax: ContentRunesMaxDefault}
	for e, want := range map[*Error]string{
		ErrInvalidJSON:     "Invalid JSON format",
		ErrUnknownType:     "Unknown message type",
		ErrEmptyContent:    "Message content cannot be empty",
		rules.ErrTooLong(): "Message is too long (max 10000 characters)",
		ErrMissingID:       "message_id is required",
		ErrNotFound:        "Message not found or you do not have permission to edit it",
	} {
		if e.Text != want || e.Error() != want {
			t.Errorf("%s says %q, not %q", e.Code, e.Text, want)
		}
	}
}

func TestDecodeSendBody(t *testing.T) {
	room := `"chat_room":"` + idB.String() + `"`
	for _, c := range []struct {
		text    string
		want    SendBody
		refused *Error
	}{
		{text: `{` + room + `,"content":" a "}`, want: SendBody{Room: idB, RoomOK: true, Intent: Intent{Kind: KindMessage, Content: "a", Type: TypeText}}},
		{text: `{` + room + `,"content":"a","message_type":"file","reply_to":"` + idA.String() + `","client_id":"c"}`,
			want: SendBody{Room: idB, RoomOK: true, Intent: Intent{Kind: KindMessage, Content: "a", Type: TypeFile, ReplyTo: idA, ClientID: "c"}}},
		{text: `{` + room + `,"content":"a","mentions":[5]}`, refused: ErrInvalidMention},
		{text: `{` + room + `,"content":"a","data":5}`, refused: ErrInvalidData},
		{text: `{"chat_room":"Trip 1","content":"a"}`, want: SendBody{Intent: Intent{Kind: KindMessage, Content: "a", Type: TypeText}}},
		{text: `{"chat_room":1,"content":"a"}`, want: SendBody{Intent: Intent{Kind: KindMessage, Content: "a", Type: TypeText}}},
		{text: `{"content":"a"}`, refused: ErrMissingRoom},
		{text: `{"chat_room":null,"content":"a"}`, refused: ErrMissingRoom},
		{text: `{` + room + `}`, refused: ErrEmptyContent},
		{text: `{` + room + `,"content":"01234567890"}`, refused: errTooLong},
		{text: `{` + room + `,"content":"a","message_type":"system"}`, refused: ErrInvalidType},
		{text: `{` + room + `,"content":"a","reply_to":"b"}`, refused: ErrInvalidReply},
		{text: `{` + room + `,"content":"a","client_id":""}`, refused: ErrInvalidClient},
		{text: `{` + room + `,"content":"a"} x`, refused: ErrInvalidJSON},
		{text: "{" + room + ",\"content\":\"\xc3\"}", refused: ErrInvalidJSON},
		{text: `[]`, refused: ErrInvalidJSON},
	} {
		got := SendBody{Room: idC, RoomOK: true, Intent: Intent{Content: "old", Type: TypeFile, ReplyTo: idC, ClientID: "old"}}
		refused := DecodeSendBody([]byte(c.text), &got, &rulesOf10)
		if !sameRefusal(refused, c.refused) {
			t.Errorf("%s: got %v, want %v", c.text, refused, c.refused)
		}
		if refused == nil && got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.text, got, c.want)
		}
	}
}

func TestDecodeEditBody(t *testing.T) {
	for _, c := range []struct {
		text, want string
		refused    *Error
	}{
		{text: `{"content":"\n b\t"}`, want: "b"},
		{text: `{"content":"b","message_id":"ignored","chat_room":0}`, want: "b"},
		{text: `{}`, refused: ErrEmptyContent},
		{text: `{"content":" "}`},
		{text: `{"content":true}`, refused: ErrContentField},
		{text: `{"content":"0123456789a"}`, refused: errTooLong},
		{text: `{"content":"\u0000"}`, refused: ErrInvalidContent},
		{text: `"b"`, refused: ErrInvalidJSON},
		{text: ``, refused: ErrInvalidJSON},
		{text: "{\"content\":\"\xff\"}", refused: ErrInvalidJSON},
	} {
		got, refused := DecodeEditBody([]byte(c.text), &rulesOf10)
		if got != c.want || !sameRefusal(refused, c.refused) {
			t.Errorf("%s: got %q %v, want %q %v", c.text, got, refused, c.want, c.refused)
		}
	}
}

// What is kept must live on when the loop reads the next frame into its buffer.
func TestDecodeReadBody(t *testing.T) {
	for text, want := range map[string]struct {
		seq     int64
		refused *Error
	}{
		`{"seq":42}`:         {seq: 42},
		` {"seq":0,"x":[]} `: {},
		`{"seq":-3}`:         {refused: ErrInvalidSeq},
		`{}`:                 {refused: ErrInvalidSeq},
		`{"seq":"1"}`:        {refused: ErrSeqField},
		``:                   {refused: ErrInvalidJSON},
		`{"seq":1`:           {refused: ErrInvalidJSON},
		`[1]`:                {refused: ErrInvalidJSON},
	} {
		if seq, refused := DecodeReadBody([]byte(text)); seq != want.seq || refused != want.refused {
			t.Errorf("%s: %d, %v", text, seq, refused)
		}
	}
}

func TestDecodersKeepNothingOfTheirInput(t *testing.T) {
	text := `{"type":"chat_message","chat_room":"` + idB.String() + `","content":"hello","client_id":"c1"}`
	var frame Intent
	var body SendBody
	p := []byte(text)
	if e := decodeIntent(p, &frame, &rulesOf10); e != nil {
		t.Fatal(e)
	}
	if e := DecodeSendBody(p, &body, &rulesOf10); e != nil {
		t.Fatal(e)
	}
	edited, _ := DecodeEditBody(p, &rulesOf10)
	clear(p)
	if frame.Content != "hello" || frame.ClientID != "c1" || body.Content != "hello" || body.ClientID != "c1" || edited != "hello" {
		t.Fatalf("%+v %+v %q", frame, body, edited)
	}
}

func TestDecodeAllocatesOnlyWhatIsKept(t *testing.T) {
	rules := Rules{ContentRunesMax: 1000}
	for text, want := range map[string]float64{
		`{"type":"ping","x":{"y":[1,2,3]}}`:                                    0,
		`{"type":"typing","is_typing":true}`:                                   0,
		`{"type":"chat_message","content":"hello"}`:                            1,
		`{"type":"chat_message","content":"h\u00e9\n","client_id":"c1"}`:       2,
		`{"type":"chat_message","content":"","message_type":"file"}`:           0,
		`{"t\u0079pe":"edit_message","message_id":"` + idA.String() + `"}`:     0,
		`{"type":"chat_message","content":"ab","reply_to":"no"}`:               1,
		`{"type":"chat_message","content":"` + strings.Repeat("x", 900) + `"}`: 1,
	} {
		p := []byte(text)
		var f Frame
		if n := testing.AllocsPerRun(100, func() { DecodeFrame(p, &f, &rules) }); n != want {
			t.Errorf("%s: %v allocations, want %v", text, n, want)
		}
	}
}
