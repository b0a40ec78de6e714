package protocol

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol/spec"
)

func checker(t *testing.T) *spec.Checker {
	t.Helper()
	c, err := spec.NewChecker()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func document(t *testing.T, name string) spec.Document {
	t.Helper()
	all, err := spec.Documents()
	if err != nil {
		t.Fatal(err)
	}
	return all[name]
}

// frameSchema is where the schema of a frame stands, by its type and who sends it: Server or Client.
func frameSchema(by, typ string) string {
	words := strings.Split(typ, "_")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return spec.AsyncAPI + "#/components/schemas/" + by + strings.Join(words, "")
}

// messages lists the types of the frames of one side that a channel has, or with "" all of them.
func specified(t *testing.T, side, channel string) (types []string) {
	t.Helper()
	d := document(t, spec.AsyncAPI)
	messages := d.Object("components", "messages")
	if channel != "" {
		messages = d.Object("channels", channel, "messages")
	}
	for name := range messages {
		if typ, ok := strings.CutPrefix(name, side+"."); ok {
			types = append(types, typ)
		}
	}
	slices.Sort(types)
	return types
}

// written finds what the sources of this package have between other text.
func written(t *testing.T, what string) (found []string) {
	t.Helper()
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range sources {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(what).FindAllStringSubmatch(string(text), -1) {
			found = append(found, m[1])
		}
	}
	return found
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Compact(slices.Sorted(slices.Values(got))), slices.Compact(slices.Sorted(slices.Values(want)))
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n specified %q\n in code   %q", what, got, want)
	}
}

func TestSpecificationHasEveryFrame(t *testing.T) {
	t.Parallel()
	told := written(t, `\{"type":"(\w+)"`)
	var asked []string
	for _, row := range kinds {
		if row.told != "" {
			told = append(told, row.told)
		}
		if row.asked != "" {
			asked = append(asked, row.asked)
		}
	}
	same(t, "what the server tells", specified(t, "server", ""), told)
	same(t, "what a client may ask", specified(t, "client", ""), asked)
	same(t, "on the socket of a user", specified(t, "server", "user"), told)
	same(t, "from there", specified(t, "client", "user"), asked)
	of := func(all []string, but ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(typ string) bool { return slices.Contains(but, typ) })
	}
	same(t, "on the socket of a room", specified(t, "server", "roomV2"), of(told, "left"))
	for _, channel := range []string{"roomV1", "roomV2"} {
		same(t, "from there", specified(t, "client", channel), of(asked, "subscribe", "unsubscribe"))
	}
	since := document(t, spec.AsyncAPI).Object("components", "messages")
	for _, typ := range specified(t, "server", "") {
		first := since["server."+typ].(map[string]any)["x-since-version"]
		if v1 := slices.Contains(specified(t, "server", "roomV1"), typ); v1 != (first == 1) {
			t.Errorf("%s is of version %v; version 1 has it: %t", typ, first, v1)
		}
	}
}

func TestSpecificationHasEveryErrorCodeOfFrames(t *testing.T) {
	t.Parallel()
	var specified []string
	code := document(t, spec.AsyncAPI).Object("components", "schemas", "ServerError", "properties", "code")
	for _, c := range code["enum"].([]any) {
		specified = append(specified, c.(string))
	}
	var frames []string
	for _, c := range written(t, `(?m)^\tCode\w+ +Code = "(\w+)"`) {
		if !slices.Contains([]string{"attachment_too_large", "attachment_type", "attachment_rejected"}, c) { // of uploads
			frames = append(frames, c)
		}
	}
	same(t, "codes of errors", specified, frames)
}

// whatIsTold is at least one of each frame and body that this package writes, each member in one of
// them at least.
func whatIsTold() map[string][][]byte {
	m, at := sampleMessage(), time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	m.ReplyTo, m.ClientID = &Reply{ID: idB, Content: "was", SenderEmail: "bob@example.com"}, "c"
	mine := messageWithExtras()
	mine.WithExtra(func(e *Extra) { e.MyReactions = []string{"👍"} })
	plain, full, grave, files := AppendMessage(nil, &m), AppendMessage(nil, mine), AppendMessage(nil, tombstone()), AppendMessage(nil, withFiles(fixedLinks{}))
	settled := RoomInfo{Room: idA, Trip: idB, RoomSettings: RoomSettings{FirstSeq: 9, SlowMode: 10}}
	patched := messageWithExtras()
	patched.Seq, patched.Rev = 2, 9
	bare := sampleMessage()
	named := func(name string) string { return spec.OpenAPI + "#/components/schemas/" + name }
	entry := RoomEntry{ID: idA, TripID: idB, Title: "Trip", LastSeq: 3, Last: &m, ReadSeq: 2, Unread: 1, Mentions: 100, RoomSettings: settled.RoomSettings, Role: "owner", Online: 2, OnlineKnown: true}
	return map[string][][]byte{
		named("Message"):                         {plain, full, grave, files},
		frameSchema("Server", "message_history"): {AppendHistory(nil, settled, [][]byte{plain, full}, 9), AppendHistory(nil, ofRoom, nil, 0), AppendResume(nil, settled, 3, [][]byte{grave}, 4, true), AppendRewound(nil, ofRoom)},
		frameSchema("Server", "chat_message"):    {AppendEvent(nil, KindMessage, plain, 5, 2, CaughtUp), AppendEvent(nil, KindMessage, files, 5, 4, Duplicate)},
		frameSchema("Server", "message_edited"): {AppendEvent(nil, KindEdit, plain, 5, 2, Live), AppendEvent(nil, KindDelete, grave, 5, 4, Live), AppendEvent(nil, KindPin, full, 5, 4, Live),
			AppendEvent(nil, KindSummary, full, 5, 4, Live), AppendEvent(nil, KindEdit, plain, 5, 4, Duplicate), AppendEvent(nil, KindEdit, plain, 5, 4, CaughtUp)},
		frameSchema("Server", "message_patch"): {AppendPatch(nil, KindPin, patched, 9, 7), AppendPatch(nil, KindSummary, patched, 9, 8), AppendPatch(nil, KindPin, &bare, 9, 8), AppendPatch(nil, KindSummary, &bare, 9, 8)},
		frameSchema("Server", "typing"):        {AppendNotice(nil, idA, &m.Sender, &Intent{Kind: KindTyping, On: true})},
		frameSchema("Server", "own"): {AppendOwn(nil, &Own{Room: idA, Role: "owner", May: MayAll, ReadSeq: 7, Reactions: map[uuid.UUID][]string{idB: {"👍"}}}), AppendOwn(nil, &Own{Room: idA, ReactionsUnread: true}),
			AppendOwnRole(nil, idA, "owner", MayAll), AppendOwnRead(nil, idA, 43)},
		frameSchema("Server", "room"):           {AppendRoomSettings(nil, idA, settled.RoomSettings), AppendRoomSettings(nil, idA, RoomSettings{FirstSeq: 1})},
		frameSchema("Server", "reads"):          {AppendReads(nil, idA, []ReadMark{{User: idB, Seq: 4}}), AppendReads(nil, idA, nil)},
		frameSchema("Server", "presence"):       {AppendPresence(nil, &Presence{Room: idA, Online: 1, Full: true, Users: []uuid.UUID{idB}, Partial: true}), AppendPresence(nil, &Presence{Room: idA, Joined: []uuid.UUID{idB}}), AppendPresence(nil, &Presence{Room: idA, Online: 1234})},
		frameSchema("Server", "ack"):            {AppendAck(nil, idA, "c"), AppendAck(nil, uuid.Nil, "c"), AppendAuthAck(nil, at, "c"), AppendAuthAck(nil, at, "")},
		frameSchema("Server", "left"):           {AppendLeft(nil, &Place{ID: idA}, CloseForbidden, "no"), AppendLeft(nil, &Place{Given: "nothing"}, CloseForbidden, "no")},
		frameSchema("Server", "token_expiring"): {AppendTokenExpiring(nil, at)},
		frameSchema("Server", "closing"):        {AppendClosing(nil, time.Second)},
		frameSchema("Server", "error"):          {AppendErrorIn(nil, Place{ID: idA}, ErrRateLimited, "c"), AppendError(nil, ErrInvalidJSON, "")},
		frameSchema("Server", "pong"):           {Pong},

		named("Page"):         {AppendMessagePage(nil, [][]byte{plain, full}, "/n", "/p", 1), AppendMessagePage(nil, nil, "", "", 900)},
		named("Changes"):      {AppendResumePage(nil, [][]byte{grave, files}, 8, false, 2), AppendResumePage(nil, nil, 0, true, 1)},
		named("Rooms"):        {AppendList(nil, [][]byte{AppendRoom(nil, &entry), AppendRoom(nil, &RoomEntry{ID: idA, TripID: idB, RoomSettings: RoomSettings{FirstSeq: 1}})}, "/n"), AppendList(nil, nil, "")},
		named("Room"):         {AppendRoom(nil, &entry)},
		named("Pins"):         {AppendList(nil, [][]byte{full}, "/n")},
		named("Reading"):      {AppendReading(nil, 42, 100, 100)},
		named("ReadMarks"):    {AppendReadMarks(nil, []ReadMark{{User: idA, Seq: 4, At: at}}, "/n"), AppendReadMarks(nil, nil, "")},
		named("Readers"):      {AppendReaders(nil, 2, []User{m.Sender}, "/n")},
		named("Members"):      {AppendMembers(nil, 1, [][]byte{AppendMember(nil, &m.Sender, "owner", true, at), AppendMember(nil, &m.Sender, "", false, time.Time{})}, "")},
		named("Reactors"):     {AppendList(nil, [][]byte{AppendReactor(nil, &m.Sender, "👍", at)}, "/n")},
		named("OwnReactions"): {AppendOwnReactions(nil, mine.Extra.Reactions, []string{"👍"}), AppendOwnReactions(nil, nil, nil)},
		named("Refusal"):      {AppendRESTError(nil, "No such room", CodeNotFound)},
		named("Attachment"):   {AppendAttachment(nil, &withFiles(nil).Extra.Attachments[0], fixedLinks{})},
	}
}

// What this package writes is what the specifications say, and they name nothing that it never writes.
func TestWhatIsToldIsAsSpecified(t *testing.T) {
	t.Parallel()
	c := checker(t)
	for place, texts := range whatIsTold() {
		for _, text := range texts {
			if err := c.Check(place, text); err != nil {
				t.Error(err)
			}
		}
	}
	for _, typ := range specified(t, "server", "") {
		if whatIsTold()[frameSchema("Server", typ)] == nil {
			t.Errorf("no %s was looked at", typ)
		}
	}
	notTold := []string{"Send", "Edit", "Read", "Content", "ClientID"} // what clients send
	for _, file := range []string{spec.OpenAPI, spec.AsyncAPI} {
		places, err := c.Unseen(file, func(name string) bool { return !slices.Contains(notTold, name) && !strings.HasPrefix(name, "Client") })
		if err != nil {
			t.Fatal(err)
		}
		for _, place := range places {
			t.Errorf("nothing that is told has %s", place)
		}
	}
}

// specifiedMembers are those of the object that a schema of clients describes.
func specifiedMembers(t *testing.T, file, name string) (all, required []string) {
	t.Helper()
	schema := document(t, file).Object("components", "schemas", name)
	for member := range schema["properties"].(map[string]any) {
		all = append(all, member)
	}
	for _, member := range schema["required"].([]any) {
		required = append(required, member.(string))
	}
	return all, required
}

// A frame of a client means what its schema says: each member is read, and no other one; which are
// required is, too.
func TestFramesOfClientsAreReadAsSpecified(t *testing.T) {
	t.Parallel()
	c, rules := checker(t), Rules{ContentRunesMax: ContentRunesMaxDefault, Traces: true}
	known := written(t, `(?m)^\tcase "(\w+)":\n\t\tin\.`)
	var named []string
	messages := document(t, spec.AsyncAPI).Object("components", "messages")
	for _, typ := range specified(t, "client", "") {
		place := frameSchema("Client", typ)
		_, schema, _ := strings.Cut(place, "schemas/")
		all, required := specifiedMembers(t, spec.AsyncAPI, schema)
		named = append(named, all...)
		example := messages["client."+typ].(map[string]any)["examples"].([]any)[0].(map[string]any)["payload"].(map[string]any)
		take := func(change string, value any) *Error {
			t.Helper()
			changed := maps.Clone(example)
			if changed[change] = value; value == nil {
				delete(changed, change)
			}
			text, err := json.Marshal(changed)
			if err != nil {
				t.Fatal(err)
			}
			if change == "" {
				if err := c.Check(place, text); err != nil {
					t.Error(err)
				}
			}
			var f Frame
			return DecodeFrame(text, &f, &rules)
		}
		if refused := take("", nil); refused != nil {
			t.Errorf("%s: the example is refused: %v", typ, refused)
		}
		for _, member := range known {
			if slices.Contains([]string{"type", "traceparent", "chat_room_id"}, member) {
				continue // nothing there is a fault of the frame, or of the frame alone
			}
			if refused, read := take(member, map[string]int{"a": 1}) != nil, slices.Contains(all, member); refused != read && member != "data" {
				t.Errorf("%s of %s: it is specified: %t, it is read: %t", member, typ, read, refused)
			}
			if refused, read := take(member, 1.5) != nil, slices.Contains(all, member); refused != read {
				t.Errorf("%s of %s: it is specified: %t, it is read: %t", member, typ, read, refused)
			}
			if refused, must := take(member, nil) != nil, slices.Contains(required, member); refused != must {
				t.Errorf("%s of %s: it is required: %t; without it the frame is refused: %t", member, typ, must, refused)
			}
		}
	}
	for _, body := range []string{"Send", "Edit", "Read"} {
		all, _ := specifiedMembers(t, spec.OpenAPI, body)
		named = append(named, all...)
	}
	same(t, "members of what clients send", named, known)
}

// The same of the bodies of REST.
func TestBodiesOfClientsAreReadAsSpecified(t *testing.T) {
	t.Parallel()
	rules := Rules{ContentRunesMax: ContentRunesMaxDefault}
	known := written(t, `(?m)^\tcase "(\w+)":\n\t\tin\.`)
	for body, one := range map[string]struct {
		example string
		decode  func([]byte) *Error
	}{
		"Send": {`{"chat_room":"4f0c1b0e-6a52-4c9b-9d0c-0a6f0e6b7c11","content":"North gate.","attachments":["0199b3c1-11aa-7b1e-9c77-0d8f3c5b6a43"],"client_id":"a1"}`,
			func(p []byte) *Error { var b SendBody; return DecodeSendBody(p, &b, &rules) }},
		"Edit": {`{"content":"South gate!"}`, func(p []byte) *Error { _, refused := DecodeEditBody(p, &rules); return refused }},
		"Read": {`{"seq":42}`, func(p []byte) *Error { _, refused := DecodeReadBody(p); return refused }},
	} {
		all, required := specifiedMembers(t, spec.OpenAPI, body)
		if err := checker(t).Check(spec.OpenAPI+"#/components/schemas/"+body, []byte(one.example)); err != nil {
			t.Error(err)
		}
		for _, member := range known {
			var example map[string]any
			if err := json.Unmarshal([]byte(one.example), &example); err != nil {
				t.Fatal(err)
			}
			take := func() bool {
				text, err := json.Marshal(example)
				if err != nil {
					t.Fatal(err)
				}
				return one.decode(text) != nil
			}
			delete(example, member)
			if refused, must := take(), slices.Contains(required, member); refused != must {
				t.Errorf("%s of %s: it is required: %t; without it the body is refused: %t", member, body, must, refused)
			}
			if example[member] = 1.5; member == "chat_room" {
				continue // what is no id names no room
			}
			if refused, read := take(), slices.Contains(all, member); refused != read {
				t.Errorf("%s of %s: it is specified: %t, it is read: %t", member, body, read, refused)
			}
		}
	}
}
