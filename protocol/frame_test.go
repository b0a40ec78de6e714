package protocol

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// controlCases are frames that concern a connection, or say in which room, and what becomes
// of them.
var controlCases = []struct {
	text    string
	want    Frame
	refused *Error
}{
	{text: `{"type":"subscribe","rooms":[]}`, want: Frame{Rooms: []RoomAsked{}}},
	{text: `{"type":"subscribe","rooms":[ {"id":"` + idA.String() + `"} , {"id":"` + strings.ToUpper(idB.String()) + `","since":7,"since_id":"` + idC.String() + `","limit":1,"x":{}}]}`,
		want: Frame{Rooms: []RoomAsked{
			{Place: Place{Named: true, ID: idA}},
			{Place: Place{Named: true, ID: idB, Given: strings.ToUpper(idB.String())}, Since: new(int64(7)), Last: idC, Limit: 1},
		}}},
	{text: `{"type":"subscribe","rooms":[{"i\u0064":"x","since":0,"limit":99999999999999999999,"since_id":null},{"id":"","since":null}],"client_id":"c"}`,
		want: Frame{Intent: Intent{ClientID: "c"}, Rooms: []RoomAsked{
			{Place: Place{Named: true, Given: "x"}, Since: new(int64(0)), Limit: ResumeMessagesMax}, {Place: Place{Named: true}},
		}}},
	{text: `{"type":"subscribe","rooms":[{"id":"x","since":9999999999999999999999}]}`,
		want: Frame{Rooms: []RoomAsked{{Place: Place{Named: true, Given: "x"}, Since: new(int64(math.MaxInt64))}}}},
	{text: `{"type":"subscribe","rooms":[` + strings.Repeat(`{"id":"x"},`, SubscribeRoomsMax-1) + `{"id":"x"}]}`,
		want: Frame{Rooms: slices.Repeat([]RoomAsked{{Place: Place{Named: true, Given: "x"}}}, SubscribeRoomsMax)}},
	{text: `{"type":"subscribe","rooms":[` + strings.Repeat(`{"id":"x"},`, SubscribeRoomsMax) + `{"id":"x"}],"client_id":"c"}`, want: Frame{Intent: Intent{ClientID: "c"}}, refused: ErrRoomsField},
	{text: `{"type":"subscribe"}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":null}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":{"id":"x"}}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":["x"]}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":[[{"id":"x"}]]}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":[{}]}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":[{"id":null}]}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":[{"id":5}]}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":[{"id":"` + strings.Repeat("x", PlaceBytesMax+1) + `"}]}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":[{"id":"` + strings.Repeat(`\u0078`, PlaceBytesMax) + `"}]}`,
		want: Frame{Rooms: []RoomAsked{{Place: Place{Named: true, Given: strings.Repeat("x", PlaceBytesMax)}}}}},
	{text: `{"type":"subscribe","rooms":[{"id":"x","since":-1}]}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":[{"id":"x","since":1.5}]}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":[{"id":"x","since":"1"}]}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":[{"id":"x","limit":0}]}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":[{"id":"x","limit":-1}]}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":[{"id":"x","limit":true}]}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":[{"id":"x","since":1,"since_id":"x"}]}`, refused: ErrRoomsField},
	{text: `{"type":"subscribe","rooms":[{"id":"x","since_id":"` + idA.String() + `"}]}`, refused: ErrRoomsField},

	{text: `{"type":"unsubscribe","rooms":["` + idA.String() + `","x"]}`,
		want: Frame{Rooms: []RoomAsked{{Place: Place{Named: true, ID: idA}}, {Place: Place{Named: true, Given: "x"}}}}},
	{text: `{"type":"unsubscribe","rooms":[` + strings.Repeat(`"x",`, SubscribeRoomsMax) + `"x"]}`, refused: ErrUnsubscribeField},
	{text: `{"type":"unsubscribe","rooms":"x"}`, refused: ErrUnsubscribeField},
	{text: `{"type":"unsubscribe","rooms":[{"id":"x"}]}`, refused: ErrUnsubscribeField},
	{text: `{"type":"unsubscribe","rooms":[null]}`, refused: ErrUnsubscribeField},

	{text: `{"type":"auth","token":"a.b\u002ec"}`, want: Frame{Token: "a.b.c"}},
	{text: `{"type":"auth","token":""}`},
	{text: `{"type":"auth"}`, refused: ErrInvalidToken},
	{text: `{"type":"auth","token":null,"client_id":"c"}`, want: Frame{Intent: Intent{ClientID: "c"}}, refused: ErrInvalidToken},
	{text: `{"type":"auth","token":7}`, refused: ErrTokenField},
	{text: `{"type":"auth","token":"a","client_id":7}`, refused: ErrInvalidClient},

	{text: `{"type":"ping","chat_room_id":"` + idA.String() + `"}`, want: Frame{Place: Place{Named: true, ID: idA}}},
	{text: `{"type":"ping","chat_room_id":null}`},
	{text: `{"type":"ping","chat_room_id":5}`, want: Frame{Place: Place{Named: true}}},
	{text: `{"type":"ping","chat_room_id":"` + strings.Repeat("x", 1000) + `"}`, want: Frame{Place: Place{Named: true}}},
	{text: `{"type":"typing","chat_room_id":"nowhere","is_typing":5,"client_id":"c"}`, want: Frame{Intent: Intent{ClientID: "c"}, Place: Place{Named: true, Given: "nowhere"}}, refused: ErrTypingField},
}

func TestDecodeFramesOfAConnection(t *testing.T) {
	for _, c := range controlCases {
		var got Frame
		refused := DecodeFrame([]byte(c.text), &got, &rulesOf10)
		if !sameRefusal(refused, c.refused) {
			t.Errorf("%.100s: got %v, want %v", c.text, refused, c.refused)
		}
		if got.Kind = 0; c.refused != nil {
			got = Frame{Intent: Intent{ClientID: got.ClientID}, Place: got.Place} // the rest is not promised
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%.100s:\n got %+v\nwant %+v", c.text, got, c.want)
		}
	}
}

// checkControl holds what is decoded of a frame that concerns a connection against the rules.
func checkControl(t *testing.T, p []byte, f *Frame) {
	listed := f.Kind == KindSubscribe || f.Kind == KindUnsubscribe
	if listed != (f.Rooms != nil) || len(f.Rooms) > SubscribeRoomsMax || f.Token != "" && f.Kind != KindAuth {
		t.Fatalf("%q became %+v", p, f)
	}
	checkPlace(t, p, f.Place)
	for _, r := range f.Rooms {
		checkPlace(t, p, r.Place)
		if r.Limit < 0 || r.Limit > ResumeMessagesMax || r.Since != nil && *r.Since < 0 || r.Last != uuid.Nil && r.Since == nil || !r.Place.Named {
			t.Fatalf("%q has the room %+v", p, r)
		}
	}
}

func checkPlace(t *testing.T, p []byte, place Place) {
	id, ok := ParseID(place.Given)
	if len(place.Given) > PlaceBytesMax || !utf8.ValidString(place.Given) || ok && (id != place.ID || id.String() == place.Given) ||
		!ok && place.Given != "" && place.ID != uuid.Nil {
		t.Fatalf("%q names the place %+v", p, place)
	}
}

func TestFramesAboutAConnectionAsBytes(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for got, want := range map[string]string{
		string(AppendLeft(nil, &Place{ID: idA}, CloseForbidden, "no")):                                `{"type":"left","chat_room_id":"` + idA.String() + `","code":4003,"message":"no"}`,
		string(AppendLeft(nil, &Place{Given: "<\"\n"}, CloseRestart, "no")):                           `{"type":"left","chat_room_id":"<\"\n","code":1012,"message":"no"}`,
		string(AppendAck(nil, uuid.Nil, "c")):                                                         `{"type":"ack","client_id":"c"}`,
		string(AppendAuthAck(nil, at, "c")):                                                           `{"type":"ack","client_id":"c","expires_at":"2026-01-02T03:04:05.000000Z"}`,
		string(AppendAuthAck(nil, at, "")):                                                            `{"type":"ack","expires_at":"2026-01-02T03:04:05.000000Z"}`,
		string(AppendClosing(nil, 1500*time.Millisecond)):                                             `{"type":"closing","reconnect_after_ms":1500}`,
		string(AppendClosing(nil, -time.Second)):                                                      `{"type":"closing","reconnect_after_ms":0}`,
		string(AppendTokenExpiring(nil, at)):                                                          `{"type":"token_expiring","expires_at":"2026-01-02T03:04:05.000000Z"}`,
		string(AppendErrorIn(nil, Place{Named: true, ID: idA}, ErrNotSubscribed, "c")):                `{"type":"error","chat_room_id":"` + idA.String() + `","message":"This room is not subscribed on this connection","code":"not_subscribed","client_id":"c"}`,
		string(AppendErrorIn(nil, Place{Named: true, Given: "x"}, &Error{CodeInternal, "fault"}, "")): `{"type":"error","chat_room_id":"x","message":"fault","code":"internal"}`,
		string(AppendErrorIn(nil, Place{Named: true}, &Error{CodeInternal, "fault"}, "")):             `{"type":"error","message":"fault","code":"internal"}`,
	} {
		want = strings.Replace(want, "<\"\n", `<\"\n`, 1)
		if got != want || !json.Valid([]byte(got)) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestALongListOfRoomsIsNotKept: a frame of 160 KB with nothing but elements costs no more
// memory than one with as many as are allowed.
func TestALongListOfRoomsIsNotKept(t *testing.T) {
	p := []byte(`{"type":"subscribe","rooms":[` + strings.Repeat(`1,`, 80_000) + `1]}`)
	var f Frame
	if n := testing.AllocsPerRun(10, func() { DecodeFrame(p, &f, &rulesOf10) }); n > 10 {
		t.Errorf("%v allocations", n)
	}
}
