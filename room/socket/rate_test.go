package socket_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/room/allowance"
	"github.com/caravan-chat/caravan/room/socket"
)

// A client that has much to send and does not wait is refused at first and slowed down
// then: it loses few frames, each refusal names its frame, and none is left unanswered.
func TestAClientOverItsRateIsRefusedAtFirstAndSlowedDownThen(t *testing.T) {
	t.Parallel()
	const frames, burst = 300, 10
	s := serve(t, socket.Config{Limits: socket.Limits{Frames: allowance.Rate{PerSecond: 200, Burst: burst}}})
	ada, _ := s.join(0, "")
	var all bytes.Buffer
	for i := range frames {
		if err := wsutil.WriteClientText(&all, fmt.Appendf(nil, `{"type":"ping","client_id":"c%d"}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := all.WriteTo(ada.conn); err != nil {
		t.Fatal(err)
	}
	taken, refused := 0, map[string]bool{}
	for range frames {
		switch f := ada.next(); {
		case f.Type == "pong":
			taken++
		case f.Code == "rate_limited":
			refused[f.ClientID] = true
		default:
			t.Fatalf("%+v", f)
		}
	}
	if len(refused) == 0 || len(refused) > frames/4 || len(refused)+taken != frames {
		t.Errorf("%d taken, %d refused", taken, len(refused))
	}
	if s.net.Stats().Pauses == 0 {
		t.Error("never paused")
	}
}

// What a client sends is counted as large as it is in the end: small frames that
// inflate to large ones make it wait, and are not refused.
func TestAClientOverItsRateInBytesIsSlowedDown(t *testing.T) {
	t.Parallel()
	const frames, kilobytes = 6, 100
	s := serve(t, socket.Config{Limits: socket.Limits{FrameBytes: allowance.Rate{PerSecond: 200 << 10, Burst: 200 << 10}}})
	ada, _ := s.join(0, "")
	bob, _ := s.join(3, "")
	for range frames {
		ada.send(`{"type":"ping","x":"` + strings.Repeat("x", kilobytes<<10) + `"}`)
	}
	for range frames {
		if f := ada.next(); f.Type != "pong" {
			t.Errorf("%+v", f)
		}
		bob.send(`{"type":"ping"}`)
		if f := bob.next(); f.Type != "pong" {
			t.Errorf("a bystander got %+v", f)
		}
	}
	if s.net.Stats().Pauses == 0 {
		t.Error("never paused")
	}
}

// What inflates to less than it came in is counted as it came.
func TestCompressedDataWithoutContentCountsAsBytes(t *testing.T) {
	t.Parallel()
	const blocks = 1000 // each of five bytes, and empty
	s := serve(t, socket.Config{Limits: socket.Limits{FrameBytes: allowance.Rate{PerSecond: 1, Burst: 5 * blocks}}})
	ada := s.joinCompressed(0)
	empty := ws.NewTextFrame(append(bytes.Repeat([]byte{0, 0, 0, 0xFF, 0xFF}, blocks), 0))
	empty.Header.Rsv = ws.Rsv(true, false, false)
	if err := ws.WriteFrame(ada.conn, ws.MaskFrame(empty)); err != nil {
		t.Fatal(err)
	}
	if f := ada.next(); f.Code != "invalid_json" {
		t.Errorf("%+v", f)
	}
	ada.send(`{"type":"ping"}`)
	await.Until(t, "the connection waits", func() bool { return s.net.Stats().Paused == 1 })
}

// What comes in many frames without content is counted as they came.
func TestFramesWithoutContentCountAsBytes(t *testing.T) {
	t.Parallel()
	const frames, bytesEach = 1000, 6
	s := serve(t, socket.Config{Limits: socket.Limits{FrameBytes: allowance.Rate{PerSecond: 1, Burst: frames * bytesEach}}})
	ada, _ := s.join(0, "")
	var all bytes.Buffer
	send := func(f ws.Frame) {
		if err := ws.WriteFrame(&all, ws.MaskFrame(f)); err != nil {
			t.Fatal(err)
		}
	}
	send(ws.NewFrame(ws.OpText, false, []byte(`{"type":"ping"}`)))
	for range frames - 2 {
		send(ws.NewFrame(ws.OpContinuation, false, nil))
	}
	send(ws.NewFrame(ws.OpContinuation, true, nil))
	if _, err := all.WriteTo(ada.conn); err != nil {
		t.Fatal(err)
	}
	if f := ada.next(); f.Type != "pong" {
		t.Errorf("%+v", f)
	}
	ada.send(`{"type":"ping"}`)
	await.Until(t, "the connection waits", func() bool { return s.net.Stats().Paused == 1 })
}

// A resend is answered with the whole message: that counts as bytes of who resends.
func TestAnswersToResendsCountAsBytes(t *testing.T) {
	t.Parallel()
	s := serve(t, socket.Config{Limits: socket.Limits{FrameBytes: allowance.Rate{PerSecond: 100 << 10, Burst: 100 << 10}}})
	ada, _ := s.join(0, "")
	ada.send(`{"type":"chat_message","client_id":"c","content":"` + strings.Repeat(`\u0001`, 10_000) + `"}`)
	ada.next()
	before := s.net.Stats().Pauses
	for range 4 {
		ada.send(`{"type":"chat_message","client_id":"c","content":"x"}`)
		if f := ada.next(); !f.Duplicate {
			t.Errorf("%+v", f)
		}
	}
	if s.net.Stats().Pauses == before {
		t.Error("never paused")
	}
}

// Connections of one user share the user's bytes: what one of them has spent the others
// wait for, before anything of theirs is inflated.
func TestConnectionsOfAUserShareTheUsersBytes(t *testing.T) {
	t.Parallel()
	const connections = 12
	s := serve(t, socket.Config{Allowances: allowance.New(allowance.Rates{allowance.FrameBytes: {PerSecond: 1, Burst: 200 << 10}})})
	before := s.net.Stats().MessagesIn
	for range connections {
		c, _ := s.join(0, "")
		for range 2 {
			c.send(`{"type":"ping","x":"` + strings.Repeat("x", 90<<10) + `"}`)
		}
	}
	await.Until(t, "all wait", func() bool { return s.net.Stats().Paused >= connections-1 })
	if n := s.net.Stats().MessagesIn - before; n > 4 { // three, and one more on the other loop at the same time
		t.Errorf("%d messages of 90 KiB were looked at, with 200 KiB allowed", n)
	}
}
