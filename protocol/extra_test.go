package protocol

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
)

// What a store keeps of an Extra comes back, also with the white space that databases add.
func TestAnExtraComesBackAsItWas(t *testing.T) {
	for name, e := range map[string]Extra{
		"nothing":   {},
		"all":       *messageWithExtras().Extra,
		"tombstone": *tombstone().Extra,
		"files":     {Attachments: []Attachment{{ID: idA, Name: "a \"b\" ü.png", MIME: "image/png", Size: 7, Width: 3, Height: 4, Preview: true}, {ID: idC, Name: "c", MIME: "a/b", Size: 1 << 40}}},
		"data":      {Data: `{"a b":" \" {","c":[{},[],-1.5e3,null]}`},
		"later":     {ReplyCount: 1, Later: `"title":"a, b","places":[{"id":1}]`},
	} {
		stored := e.AppendStored(nil)
		if !json.Valid(stored) || e.Stored() != (string(stored) != "{}") {
			t.Errorf("%s: %s", name, stored)
		}
		indented, err := json.MarshalIndent(json.RawMessage(stored), " ", "\t")
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range [][]byte{stored, indented} {
			got := Extra{DeletedAt: e.DeletedAt, PinnedAt: e.PinnedAt} // which have columns of their own
			if odd := got.ParseStored(text); odd != nil {
				t.Errorf("%s: %v", name, odd)
			}
			if name == "later" { // members stay as the database tells them
				got.Later = string(appendCompact(nil, []byte(got.Later)))
				e.Later = string(appendCompact(nil, []byte(e.Later)))
			}
			if !got.Equal(&e) {
				t.Errorf("%s: %s is read as %+v, want %+v", name, text, got, e)
			}
		}
	}
}

// Any program may write the column: what is wrong in it is left out, and is said to be.
func TestWhatIsOddInAnExtraIsLeftOut(t *testing.T) {
	for text, want := range map[string]Extra{
		``:                  {},
		`null`:              {},
		`[]`:                {},
		`"x"`:               {},
		`{"a":`:             {},
		`{"reply_count":2,`: {ReplyCount: 2},
		`{"reply_count":"2","mentions_all":true}`:                   {MentionsAll: true},
		`{"reply_count":-2}`:                                        {},
		`{"reply_count":2.5}`:                                       {},
		`{"reply_count":1e99}`:                                      {},
		`{"deleted_by":"nobody"}`:                                   {},
		`{"deleted_by":7,"reply_count":1}`:                          {ReplyCount: 1},
		`{"pinned_by":"x"}`:                                         {},
		`{"attachments":7}`:                                         {},
		`{"attachments":[7]}`:                                       {},
		`{"attachments":[{"id":1,"name":"a","mime":"b","size":1}]}`: {},
		`{"attachments":[{"id":"` + idA.String() + `","name":"../a","mime":"b","size":1}]}`: {},
		`{"attachments":[{"id":"` + idA.String() + `","name":"a","mime":"b","size":-1}]}`:   {},
		`{"pinned_by":{}}`:                               {},
		`{"mentions":{"a":1}}`:                           {},
		`{"mentions":["` + idA.String() + `",5]}`:        {},
		`{"mentions_all":1}`:                             {},
		`{"data":[1],"reply_count":1}`:                   {ReplyCount: 1},
		`{"data":"{}"}`:                                  {},
		`{"reactions":[{"emoji":"x"}]}`:                  {},
		`{"reactions":[{"emoji":5,"count":1}]}`:          {},
		`{"reactions":[{"emoji":"x","count":"1"}]}`:      {},
		`{"reactions":["x"],"reply_count":1}`:            {ReplyCount: 1},
		`{"reactions":{"x":1}}`:                          {},
		"{\"reply_count\":1,\"x\":\"\xff\"}":             {},
		`{"reactions":[{"emoji":"","count":1}]}`:         {},
		`{"reactions":[{"emoji":"x","count":1}`:          {},
		`{"reactions":[{"emoji":"x","count":1,"by":7}]}`: {},
	} {
		var got Extra
		if odd := got.ParseStored([]byte(text)); odd == nil || !got.Equal(&want) {
			t.Errorf("%s is read as %+v, %v", text, got, odd)
		}
	}
	for text, want := range map[string]Extra{
		` { } `:                                  {},
		`{"reply_count":null}`:                   {},
		`{"reply_count" : 1 , "color":{"a":[]}}`: {ReplyCount: 1, Later: `"color":{"a":[]}`},
		`{"reactions":[{"emoji":"x","count":2,"by":[],"skin":"dark"}]}`:   {Reactions: []Reaction{{Emoji: "x", Count: 2, By: []uuid.UUID{}}}},
		`{"data": { "a" : "b c" , "d" : [ 1 , 2 ] } , "mentions" : [ ] }`: {Data: `{"a":"b c","d":[1,2]}`},
	} {
		var got Extra
		if odd := got.ParseStored([]byte(text)); odd != nil || !got.Equal(&want) {
			t.Errorf("%s is read as %+v, %v", text, got, odd)
		}
	}
}

func FuzzParseStored(f *testing.F) {
	for _, seed := range append(scanSeeds, string(messageWithExtras().Extra.AppendStored(nil)), `{"data":{"a":[1 , 2]},"x":1}`) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var e Extra
		if odd := e.ParseStored(text); odd == errNoObject {
			return
		}
		stored := e.AppendStored(nil)
		var again Extra
		if odd := again.ParseStored(stored); odd != nil || !again.Equal(&e) {
			t.Fatalf("%q is kept as %s, which is read as %+v, %v; want %+v", text, stored, again, odd, e)
		}
		e.PinnedAt = time.Unix(0, 0)
		m := Message{Extra: &e}
		if told := AppendMessage(nil, &m); !json.Valid(told) {
			t.Fatalf("%q is told as %s", text, told)
		}
	})
}

// An Extra is shared by all who have the message: a change makes another one.
func TestAChangeLeavesTheExtraOfOthersAlone(t *testing.T) {
	m := messageWithExtras()
	other := *m
	m.WithExtra(func(e *Extra) { e.ReplyCount = 99 })
	if other.Extra.ReplyCount != 3 || m.Extra.ReplyCount != 99 || m.Extra.Data != other.Extra.Data {
		t.Errorf("%+v, %+v", m.Extra, other.Extra)
	}
	m.WithExtra(func(e *Extra) { *e = Extra{} })
	if m.Extra != nil || m.Pinned() || m.Deleted() || !other.Pinned() || !tombstone().Deleted() {
		t.Errorf("%+v", m.Extra)
	}
	if other.Bytes() < len(other.Content)+len(other.Extra.Data)+3*36 {
		t.Errorf("%d bytes", other.Bytes())
	}
}
