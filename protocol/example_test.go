package protocol_test

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// A client's frame, and what its sender gets where it asks for what cannot be.
func ExampleDecodeFrame() {
	rules := &protocol.Rules{ContentRunesMax: 20}
	for _, frame := range []string{
		`{"type":"chat_message","content":"  North gate. ","client_id":"a1"}`,
		`{"type":"typing","is_typing":true}`,
		`{"type":"chat_message","content":"We meet at the north gate","client_id":"a2"}`,
	} {
		var in protocol.Frame
		if refused := protocol.DecodeFrame([]byte(frame), &in, rules); refused != nil {
			fmt.Printf("%s\n", protocol.AppendError(nil, refused, in.ClientID))
			continue
		}
		switch in.Kind {
		case protocol.KindMessage:
			fmt.Printf("a message of type %s: %q, called %s\n", in.Type, in.Content, in.ClientID)
		case protocol.KindTyping:
			fmt.Println("types:", in.On)
		}
	}
	// Output:
	// a message of type text: "North gate.", called a1
	// types: true
	// {"type":"error","message":"Message is too long (max 20 characters)","code":"too_long","client_id":"a2"}
}

// A message that was stored with the number 42, as everybody in the room is told it,
// and as its sender is told it who sends it once more.
func ExampleAppendEvent() {
	at := time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC)
	message := protocol.AppendMessage(nil, &protocol.Message{
		ID:     uuid.MustParse("0199b3c5-7d0e-7c1a-8f43-3f4c9c1d2e5a"),
		RoomID: uuid.MustParse("6b1f2f57-9d61-4a0e-8a53-6b6cfb7f3b10"),
		Sender: protocol.User{
			ID:    uuid.MustParse("c2b1a0f4-52f4-4f1f-9d3c-6f1f5a9a7e21"),
			Email: "amina@example.com", Username: "amina", FirstName: "Amina", LastName: "Diallo",
		},
		Content: "North gate.", Type: protocol.TypeText, CreatedAt: at, UpdatedAt: at, Seq: 42, Rev: 42, ClientID: "a1",
	})
	fmt.Printf("%s\n", message)

	short := []byte(`{"id":"…"}`) // in place of the message, to fit a line
	fmt.Printf("%s\n", protocol.AppendEvent(nil, protocol.KindMessage, short, 42, 41, protocol.Live))
	fmt.Printf("%s\n", protocol.AppendEvent(nil, protocol.KindEdit, short, 45, 42, protocol.CaughtUp)) // 43 and 44 are left out
	fmt.Printf("%s\n", protocol.AppendEvent(nil, protocol.KindMessage, short, 42, 41, protocol.Duplicate))
	// Output:
	// {"id":"0199b3c5-7d0e-7c1a-8f43-3f4c9c1d2e5a","chat_room_id":"6b1f2f57-9d61-4a0e-8a53-6b6cfb7f3b10","sender":{"id":"c2b1a0f4-52f4-4f1f-9d3c-6f1f5a9a7e21","email":"amina@example.com","username":"amina","full_name":"Amina Diallo"},"content":"North gate.","message_type":"text","reply_to":null,"is_edited":false,"created_at":"2026-01-02T03:04:05.123456Z","updated_at":"2026-01-02T03:04:05.123456Z","seq":42,"rev":42,"client_id":"a1"}
	// {"type":"chat_message","message":{"id":"…"},"seq":42}
	// {"type":"message_edited","message":{"id":"…"},"seq":45,"prev":42}
	// {"type":"chat_message","message":{"id":"…"},"seq":42,"duplicate":true}
}
